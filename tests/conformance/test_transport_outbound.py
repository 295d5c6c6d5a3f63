"""Row T7: phones behind a connection of their own (RFC 5626), as their registrar sees them."""

import socket
import struct
from collections.abc import Callable

import pytest

from server.node import Node
from tests.conformance.conftest import MakeUdp, StartNode, wait_closed
from tests.conformance.peer import Call, Message, StreamPeer, UdpPeer, answer

OpenTcp = Callable[[Node], StreamPeer]
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"


def register(
    phone: StreamPeer, reg_id: str | None, *lines: str, supported: str = "path, outbound", via: str = ";rport"
) -> Message:
    params = f';+sip.instance="{INSTANCE}"' + (f";reg-id={reg_id}" if reg_id is not None else "")
    call = Call("sip:127.0.0.1", "192.0.2.1:9", "TCP", via)
    contact = f"Contact: <sip:bob@192.0.2.1:9;transport=tcp>{params}"
    phone.send(call.request("REGISTER", contact, f"Supported: {supported}", *lines, to="<sip:bob@127.0.0.1>"))
    return phone.receive()


def invite(caller: UdpPeer, node: Node) -> None:
    caller.send(Call("sip:bob@127.0.0.1", caller.sent_by).request("INVITE"), node.udp.local)


def test_t7_registration_of_a_flow_is_confirmed_with_the_time_for_keep_alives(
    start_node: StartNode, open_tcp: OpenTcp
) -> None:
    node = start_node(connections={"idle_timeout": 100.0})

    response = register(open_tcp(node), "1")

    assert response.status == 200
    assert response["Require"] == "outbound"
    assert response["Flow-Timer"] == "90"
    assert f'+sip.instance="{INSTANCE}"' in response["Contact"]
    assert ";reg-id=1" in response["Contact"]


@pytest.mark.parametrize(
    ("reg_id", "supported"), [(None, "outbound"), ("1", "path"), ("0", "outbound"), ("x", "outbound")]
)
def test_t7_registration_without_a_flow_of_its_own_is_an_ordinary_one(
    node: Node, open_tcp: OpenTcp, reg_id: str | None, supported: str
) -> None:
    response = register(open_tcp(node), reg_id, supported=supported)

    assert response.status == 200
    assert response.all("Require") == []
    assert response.all("Flow-Timer") == []


def test_t7_request_goes_over_the_flow_and_not_to_the_contact(node: Node, open_tcp: OpenTcp, caller: UdpPeer) -> None:
    phone = open_tcp(node)
    register(phone, "1")

    invite(caller, node)

    assert phone.receive().start.startswith("INVITE sip:bob@192.0.2.1:9")


def test_t7_flow_that_is_registered_again_takes_the_place_of_the_old_one(node: Node, open_tcp: OpenTcp) -> None:
    register(open_tcp(node), "1")
    register(open_tcp(node), "2")

    response = register(open_tcp(node), "1")

    assert response["Contact"].count("reg-id=1") == 1
    assert response["Contact"].count("reg-id=2") == 1


def test_t7_when_a_flow_is_closed_the_other_is_used(node: Node, open_tcp: OpenTcp, caller: UdpPeer) -> None:
    first, second = open_tcp(node), open_tcp(node)
    register(first, "1")
    register(second, "2")
    second.close()
    wait_closed(node, 1)

    invite(caller, node)
    received = first.receive()
    first.send(answer(received, "486 Busy Here"))

    assert caller.receive_final().status == 486


def test_t7_when_a_flow_breaks_under_a_request_the_other_is_tried(
    node: Node, open_tcp: OpenTcp, caller: UdpPeer
) -> None:
    first, second = open_tcp(node), open_tcp(node)
    register(first, "1")
    register(second, "2")

    invite(caller, node)
    assert second.receive().start.startswith("INVITE")
    second.close()
    received = first.receive()
    first.send(answer(received, "486 Busy Here"))

    assert caller.receive_final().status == 486


def test_t7_request_to_a_phone_whose_flows_are_all_closed_is_430(
    node: Node, open_tcp: OpenTcp, caller: UdpPeer
) -> None:
    phone = open_tcp(node)
    register(phone, "1")
    phone.close()
    wait_closed(node)

    invite(caller, node)

    assert caller.receive_final().status == 430


def test_t7_two_flows_in_one_request_are_refused(node: Node, open_tcp: OpenTcp) -> None:
    other = f'Contact: <sip:bob@192.0.2.1:8>;+sip.instance="{INSTANCE}";reg-id=2'

    assert register(open_tcp(node), "1", other).status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [((), 439), (("Path: <sip:proxy.example;lr>",), 439), (("Path: <sip:token@proxy.example;lr;ob>",), 200)],
)
def test_t7_first_hop_must_keep_flows_itself(node: Node, open_tcp: OpenTcp, path: tuple[str, ...], status: int) -> None:
    behind = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbehind"

    assert register(open_tcp(node), "1", behind, *path).status == status


def test_t7_flow_is_kept_by_the_keep_alives_of_its_phone(
    start_node: StartNode, open_tcp: OpenTcp, caller: UdpPeer
) -> None:
    node = start_node(connections={"idle_timeout": 0.05})
    phone, silent = open_tcp(node), open_tcp(node)
    register(phone, "1")

    while node.tcp.statistics().connections > 1:
        phone.send(b"\r\n\r\n")
        assert phone.receive_bytes(2) == b"\r\n"
    invite(caller, node)

    assert phone.receive().start.startswith("INVITE")
    assert silent.is_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_t7_stun_on_the_sip_port_says_where_the_phone_is_seen(start_node: StartNode, udp: MakeUdp, host: str) -> None:
    node = start_node(sip={"listen": ["127.0.0.1:0", "[::1]:0"]})
    phone = udp(host)
    number = "" if host == "127.0.0.1" else "-2"
    port = int(node.bound()[f"sip-udp{number}"].rpartition(":")[2])
    transaction = bytes(range(12))

    phone.send(struct.pack("!HHI", 1, 0, 0x2112A442) + transaction, (host, port))
    data = phone.socket.recv(100)

    kind, length, magic = struct.unpack_from("!HHI", data)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    seen = bytes(a ^ b for a, b in zip(data[28:], data[4:20], strict=False))
    assert (kind, length, magic, data[8:20]) == (0x0101, len(data) - 20, 0x2112A442, transaction)
    assert struct.unpack_from("!HHxBH", data, 20)[0] == 0x0020
    assert socket.inet_ntop(family, seen) == host
    assert struct.unpack_from("!H", data, 26)[0] ^ 0x2112 == phone.address[1]


@pytest.mark.parametrize(
    "data", [b"\0\1", b"\0\1\0\0" + bytes(16), b"\1\1\0\0\x21\x12\xa4\x42" + bytes(12), b"\1" * 40]
)
def test_t7_what_only_looks_like_stun_is_not_answered(node: Node, caller: UdpPeer, data: bytes) -> None:
    caller.send(data, node.udp.local)
    caller.send(Call("sip:server@127.0.0.1", caller.sent_by).request("OPTIONS"), node.udp.local)

    assert caller.receive().status == 200


@pytest.fixture
def edge(start_node: StartNode) -> Node:
    return start_node(applications=["tests.conformance.edge"])


def test_t7_proxy_tries_the_flows_of_a_phone_one_after_another(edge: Node, open_tcp: OpenTcp, caller: UdpPeer) -> None:
    first, second = open_tcp(edge), open_tcp(edge)
    register(first, "1")
    register(second, "2")

    invite(caller, edge)
    assert second.receive().start.startswith("INVITE")
    second.close()
    received = first.receive()
    first.send(answer(received, "486 Busy Here"))

    assert caller.receive_final().status == 486


def test_t7_proxy_passes_over_a_flow_that_is_closed(edge: Node, open_tcp: OpenTcp, caller: UdpPeer) -> None:
    first, second = open_tcp(edge), open_tcp(edge)
    register(first, "1")
    register(second, "2")
    second.close()
    wait_closed(edge, 1)

    invite(caller, edge)

    assert first.receive().start.startswith("INVITE")


def test_t7_request_in_a_dialog_through_the_proxy_goes_over_the_flow(
    edge: Node, open_tcp: OpenTcp, caller: UdpPeer
) -> None:
    phone = open_tcp(edge)
    register(phone, "1")
    call = Call("sip:bob@127.0.0.1", caller.sent_by)
    caller.send(call.request("INVITE"), edge.udp.local)
    received = phone.receive()
    recorded = [f"Record-Route: {value}" for value in received.all("Record-Route")]
    phone.send(answer(received, "200 OK", "Contact: <sip:bob@192.0.2.1:9;transport=tcp>", *recorded))
    accepted = caller.receive_final()
    routes = [f"Route: {value}" for value in reversed(accepted.all("Record-Route"))]

    call.uri, call.number = accepted["Contact"].strip("<>"), 0
    caller.send(call.request("ACK", *routes, to=accepted["To"]), edge.udp.local)
    ack = phone.receive()
    call.number = 1
    caller.send(call.request("BYE", *routes, to=accepted["To"]), edge.udp.local)
    bye = phone.receive()
    phone.send(answer(bye, "200 OK"))

    assert recorded
    assert ack.start.startswith("ACK sip:bob@192.0.2.1:9")
    assert bye.start.startswith("BYE sip:bob@192.0.2.1:9")
    assert caller.receive_final().status == 200


@pytest.fixture
def gate(start_node: StartNode) -> Node:
    """A proxy before the registrar of another domain."""
    return start_node(applications=["apps.proxy_registrar"], sip={"domains": ["edge.example"]})


def register_through(phone: StreamPeer, gate: Node, registrar: UdpPeer, *lines: str, supported: str) -> Message:
    """Send a REGISTER by way of the proxy; return it as it comes to the registrar, which accepts it."""
    call = Call(f"sip:{registrar.sent_by}", "192.0.2.1:9", "TCP")
    contact = f'Contact: <sip:bob@192.0.2.1:9;transport=tcp>;+sip.instance="{INSTANCE}";reg-id=1'
    phone.send(call.request("REGISTER", contact, f"Supported: {supported}", *lines, to="<sip:bob@home.example>"))
    received = registrar.receive()
    registrar.send(answer(received, "200 OK"), gate.udp.local)
    assert phone.receive_final().status == 200
    return received


def invite_by(registrar: UdpPeer, gate: Node, path: str) -> None:
    call = Call("sip:bob@192.0.2.1:9;transport=tcp", registrar.sent_by)
    registrar.send(call.request("INVITE", f"Route: {path}"), gate.udp.local)


def test_t7_proxy_adds_a_path_with_the_flow_and_what_comes_by_it_goes_over_that(
    gate: Node, open_tcp: OpenTcp, callee: UdpPeer
) -> None:
    phone, other = open_tcp(gate), open_tcp(gate)
    path = register_through(phone, gate, callee, supported="path, outbound")["Path"]
    register_through(other, gate, callee, supported="path, outbound")

    invite_by(callee, gate, path)
    received = phone.receive()
    phone.send(answer(received, "486 Busy Here"))

    assert path.endswith(";lr;ob>")
    assert received.start.startswith("INVITE sip:bob@192.0.2.1:9")
    assert received.all("Route") == []
    assert callee.receive_final().status == 486


def test_t7_request_by_the_path_of_a_flow_that_is_closed_is_430(gate: Node, open_tcp: OpenTcp, callee: UdpPeer) -> None:
    phone = open_tcp(gate)
    path = register_through(phone, gate, callee, supported="path, outbound")["Path"]
    phone.close()
    wait_closed(gate)

    invite_by(callee, gate, path)

    assert callee.receive_final().status == 430


@pytest.mark.parametrize("change", [str.swapcase, lambda _: "x", lambda _: ""])
def test_t7_flow_token_that_is_not_ours_is_403(
    gate: Node, open_tcp: OpenTcp, callee: UdpPeer, change: Callable[[str], str]
) -> None:
    path = register_through(open_tcp(gate), gate, callee, supported="path, outbound")["Path"]
    seal = path.partition("flow-")[2].partition("@")[0]

    invite_by(callee, gate, path.replace(seal, change(seal)))

    assert callee.receive_final().status == 403


@pytest.mark.parametrize(
    ("supported", "behind", "token", "end"),
    [
        ("path", False, True, ";lr>"),
        ("path, outbound", True, False, ";lr>"),
        ("outbound", False, False, ""),
    ],
)
def test_t7_path_says_ob_where_the_phone_is_one_hop_away_and_knows_outbound(
    gate: Node, open_tcp: OpenTcp, callee: UdpPeer, supported: str, behind: bool, token: bool, end: str
) -> None:
    lines = ("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbehind",) if behind else ()

    paths = register_through(open_tcp(gate), gate, callee, *lines, supported=supported).all("Path")

    assert [path.startswith("<sip:flow-") for path in paths] == ([token] if end else [])
    assert all(path.endswith(end) and not path.endswith(";ob>") for path in paths)
