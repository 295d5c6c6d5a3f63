"""Row T12: names become servers by NAPTR, SRV and addresses, and the next server is tried (RFC 3263)."""

from collections.abc import Callable

import pytest
from gevent.event import Event

from server.node import Node
from server.transport.locate import Naptr, Records, Srv
from server.transport.locator import Answer
from tests.conformance.conftest import MakeUdp, StartNode
from tests.conformance.peer import Call, Listener, UdpPeer, answer, both, unused_port


class Zone:
    """A resolver that knows a few records; counts what it is asked; may be held up."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Records] = {}
        self.asked: list[tuple[str, str]] = []
        self.open = Event()
        self.open.set()

    def add(self, name: str, kind: str, *records: Naptr | Srv | str) -> None:
        self.records[name, kind] = records  # type: ignore[assignment]

    def query(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        self.open.wait(3)
        return Answer(self.records.get((name, kind), ()), 60.0)


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def node(start_node: StartNode, zone: Zone) -> Node:
    return start_node(zone)


def invite(uri: str, caller: UdpPeer, node: Node) -> None:
    caller.send(Call(uri, caller.sent_by).request("INVITE"), node.udp.local)


def test_t12_name_with_port_is_an_address_look_up(node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer) -> None:
    zone.add("callee.example", "A", "127.0.0.1")

    invite(f"sip:bob@Callee.example:{callee.address[1]}", caller, node)
    received = callee.receive()
    callee.send(answer(received, "486 Busy Here"), node.udp.local)

    assert received.start.startswith("INVITE sip:bob@Callee.example")
    assert received["Via"].startswith(f"SIP/2.0/UDP {node.bound()['sip-udp']}")
    assert caller.receive_final().status == 486
    assert zone.asked == [("callee.example", "A")]


def test_t12_naptr_chooses_the_transport_and_srv_the_server(node: Node, zone: Zone, caller: UdpPeer) -> None:
    with both() as (_, listener):
        zone.add(
            "callee.example",
            "NAPTR",
            Naptr(20, 1, "s", "SIP+D2U", "udp.callee.example"),
            Naptr(10, 1, "S", "SIP+D2T", "tcp.callee.example"),
            Naptr(5, 1, "s", "SIPS+D2T", "tls.callee.example"),
        )
        zone.add("tcp.callee.example", "SRV", Srv(1, 1, listener.address[1], "host.callee.example"))
        zone.add("host.callee.example", "A", "127.0.0.1")

        invite("sip:bob@callee.example", caller, node)

        assert listener.accept().receive()["Via"].startswith("SIP/2.0/TCP")


def test_t12_without_naptr_the_services_are_asked_for_by_name(
    node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer
) -> None:
    zone.add("_sip._udp.callee.example", "SRV", Srv(1, 1, callee.address[1], "host.callee.example"))
    zone.add("host.callee.example", "A", "127.0.0.1")

    invite("sip:bob@callee.example", caller, node)

    assert callee.receive().start.startswith("INVITE")


def test_t12_waiting_for_dns_holds_up_nobody_else(
    node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer, udp: MakeUdp
) -> None:
    zone.add("callee.example", "A", "127.0.0.1")
    zone.open.clear()
    invite(f"sip:bob@callee.example:{callee.address[1]}", caller, node)
    assert caller.receive().status == 100
    other = udp()

    other.send(Call("sip:server@127.0.0.1", other.sent_by).request("OPTIONS"), node.udp.local)
    answered = other.receive().status
    zone.open.set()

    assert answered == 200
    assert callee.receive().start.startswith("INVITE")


def test_t12_cancel_while_dns_is_asked_ends_the_call(node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer) -> None:
    zone.add("callee.example", "A", "127.0.0.1")
    zone.open.clear()
    call = Call(f"sip:bob@callee.example:{callee.address[1]}", caller.sent_by)
    caller.send(call.request("INVITE"), node.udp.local)
    assert caller.receive().status == 100
    call.number = 0
    caller.send(call.request("CANCEL"), node.udp.local)

    statuses = sorted(caller.receive_final().status for _ in range(2))
    zone.open.set()
    received = callee.receive()
    callee.send(answer(received, "180 Ringing"), node.udp.local)

    assert statuses == [200, 487]
    assert callee.receive().start.startswith("CANCEL")


def test_t12_name_that_nobody_has_is_503(node: Node, caller: UdpPeer) -> None:
    invite("sip:bob@nowhere.example", caller, node)

    assert caller.receive_final().status == 503


def test_t12_answers_are_kept(node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer) -> None:
    zone.add("callee.example", "A", "127.0.0.1")
    uri = f"sip:bob@callee.example:{callee.address[1]}"

    for _ in range(3):
        invite(uri, caller, node)
        callee.send(answer(callee.receive(), "486 Busy Here"), node.udp.local)
        assert caller.receive_final().status == 486
        assert callee.receive().start.startswith("ACK")

    assert len(zone.asked) == 1


def two_servers(zone: Zone, first: int, second: int) -> None:
    zone.add("_sip._udp.callee.example", "SRV", Srv(1, 1, first, "one.example"), Srv(2, 1, second, "two.example"))
    zone.add("one.example", "A", "127.0.0.1")
    zone.add("two.example", "A", "127.0.0.1")


def test_t12_next_server_is_tried_when_one_cannot_be_reached(
    node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer
) -> None:
    two_servers(zone, unused_port(), callee.address[1])

    invite("sip:bob@callee.example", caller, node)
    received = callee.receive()
    callee.send(answer(received, "486 Busy Here"), node.udp.local)

    assert caller.receive_final().status == 486
    assert callee.receive().start.startswith("ACK")


def test_t12_next_server_is_tried_after_503_with_a_branch_of_its_own(
    node: Node, zone: Zone, caller: UdpPeer, udp: MakeUdp
) -> None:
    first, second = udp(), udp()
    two_servers(zone, first.address[1], second.address[1])

    invite("sip:bob@callee.example", caller, node)
    refused = first.receive()
    first.send(answer(refused, "503 Service Unavailable"), node.udp.local)
    ack = first.receive()
    received = second.receive()
    # The refusal that repeats is acknowledged again and changes nothing.
    first.send(answer(refused, "503 Service Unavailable"), node.udp.local)
    again = first.receive()
    second.send(answer(received, "180 Ringing"), node.udp.local)
    second.send(answer(received, "486 Busy Here"), node.udp.local)

    assert ack.start.startswith("ACK")
    assert again.start.startswith("ACK")
    assert ack.parameter("branch") == refused.parameter("branch") != received.parameter("branch")
    assert [received[name] for name in ("Call-ID", "CSeq", "From")] == [
        refused[name] for name in ("Call-ID", "CSeq", "From")
    ]
    assert caller.receive_final().status == 486
    assert second.receive().parameter("branch") == received.parameter("branch")


@pytest.mark.slow
def test_t12_next_server_is_tried_after_a_time_out(
    start_node: StartNode, zone: Zone, caller: UdpPeer, udp: MakeUdp
) -> None:
    node = start_node(zone, sip={"t1": 0.004, "t2": 0.03, "t4": 0.04})
    silent, second = udp(), udp()
    two_servers(zone, silent.address[1], second.address[1])

    invite("sip:bob@callee.example", caller, node)
    received = second.receive()
    second.send(answer(received, "486 Busy Here"), node.udp.local)

    assert caller.receive_final().status == 486


def test_t12_503_of_the_last_server_is_passed_on(node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer) -> None:
    two_servers(zone, unused_port(), callee.address[1])

    invite("sip:bob@callee.example", caller, node)
    callee.send(answer(callee.receive(), "503 Service Unavailable"), node.udp.local)

    assert caller.receive_final().status == 503


def test_t12_call_goes_on_with_the_server_that_answered(
    node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer
) -> None:
    two_servers(zone, unused_port(), callee.address[1])
    zone.add("contact.example", "A", "127.0.0.1")
    call = Call("sip:bob@callee.example", caller.sent_by)
    caller.send(call.request("INVITE"), node.udp.local)
    received = callee.receive()
    callee.send(answer(received, "200 OK", f"Contact: <sip:bob@contact.example:{callee.address[1]}>"), node.udp.local)
    accepted = caller.receive_final()

    call.uri = accepted["Contact"].strip("<>")
    call.number = 0
    caller.send(call.request("ACK", to=accepted["To"]), node.udp.local)
    ack = callee.receive()
    call.number = 1
    caller.send(call.request("BYE", to=accepted["To"]), node.udp.local)
    bye = callee.receive()
    callee.send(answer(bye, "200 OK"), node.udp.local)

    assert ack.start.startswith("ACK sip:bob@contact.example")
    assert bye.start.startswith("BYE sip:bob@contact.example")
    assert caller.receive_final().status == 200


def test_t12_server_of_another_family_is_passed_over(node: Node, zone: Zone, caller: UdpPeer, callee: UdpPeer) -> None:
    zone.add("callee.example", "AAAA", "::1")
    zone.add("callee.example", "A", "127.0.0.1")

    invite(f"sip:bob@callee.example:{callee.address[1]}", caller, node)

    assert callee.receive().start.startswith("INVITE")


def test_t12_both_families_are_tried_where_both_are_served(
    start_node: StartNode, zone: Zone, caller: UdpPeer, udp: MakeUdp
) -> None:
    node = start_node(zone, sip={"listen": ["127.0.0.1:0", "[::1]:0"]})
    callee = udp("::1")
    zone.add("callee.example", "A", "127.0.0.1")
    zone.add("callee.example", "AAAA", "::1")

    invite(f"sip:bob@callee.example:{callee.address[1]}", caller, node)
    received = callee.receive()
    callee.send(answer(received, "486 Busy Here"), received.source)

    assert received["Via"].startswith(f"SIP/2.0/UDP {node.bound()['sip-udp-2']}")
    assert caller.receive_final().status == 486


def test_t12_refused_tcp_server_is_followed_by_the_next(
    node: Node, zone: Zone, caller: UdpPeer, listen: Callable[[], Listener]
) -> None:
    listener = listen()
    zone.add(
        "_sip._tcp.callee.example",
        "SRV",
        Srv(1, 1, unused_port(), "one.example"),
        Srv(2, 1, listener.address[1], "one.example"),
    )
    zone.add("one.example", "A", "127.0.0.1")

    invite("sip:bob@callee.example;transport=tcp", caller, node)

    assert listener.accept().receive().start.startswith("INVITE")


def test_t12_server_that_failed_is_tried_last_for_a_while(
    node: Node, zone: Zone, caller: UdpPeer, udp: MakeUdp
) -> None:
    first, second = udp(), udp()
    two_servers(zone, first.address[1], second.address[1])
    invite("sip:bob@callee.example", caller, node)
    first.send(answer(first.receive(), "503 Service Unavailable"), node.udp.local)
    second.send(answer(second.receive(), "486 Busy Here"), node.udp.local)
    caller.receive_final()
    assert second.receive().start.startswith("ACK")

    invite("sip:carol@callee.example", caller, node)

    assert second.receive().start.startswith("INVITE sip:carol@")
