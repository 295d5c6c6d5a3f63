"""Several addresses, both families, names of our own, and transports that are not here (row T13)."""

import pytest

from server.errors import ConfigError
from server.node import Node
from tests.conformance.conftest import MakeUdp, StartNode
from tests.conformance.peer import Call, UdpPeer, answer, connect, sent_by, unused_port

BOTH = {"listen": ["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]}


@pytest.fixture
def both_families(start_node: StartNode) -> Node:
    return start_node(sip=BOTH)


def address(node: Node, name: str) -> tuple[str, int]:
    host, _, port = node.bound()[name].rpartition(":")
    return host.strip("[]"), int(port)


def test_t2_each_address_answers_for_itself(both_families: Node, udp: MakeUdp) -> None:
    bound = both_families.bound()

    assert [name for name in bound if name.startswith("sip")] == [
        f"sip-{name}{number}" for name in ("udp", "tcp") for number in ("", "-2", "-3")
    ]
    for number, host in (("", "127.0.0.1"), ("-2", "::1"), ("-3", "127.0.0.2")):
        peer = udp("::1" if ":" in host else "127.0.0.1")
        local = address(both_families, f"sip-udp{number}")
        peer.send(Call("sip:server@127.0.0.1", peer.sent_by).request("OPTIONS"), local)
        response = peer.receive()

        assert response.status == 200
        assert response.source == local
        assert bound[f"sip-udp{number}"] in response["Contact"]


@pytest.mark.parametrize(
    ("listen", "host", "peer_host"), [("0.0.0.0:0", "127.0.0.2", "127.0.0.3"), ("[::]:0", "::1", "::1")]
)
def test_t2_answer_comes_from_where_the_request_went_when_all_addresses_are_listened_on(
    start_node: StartNode, udp: MakeUdp, listen: str, host: str, peer_host: str
) -> None:
    node, peer = start_node(sip={"listen": listen}), udp(peer_host)
    local = (host, node.udp.local[1])
    written = sent_by(local)

    peer.send(Call(f"sip:server@{written}", peer.sent_by).request("OPTIONS"), local)
    response = peer.receive()
    phone = connect(local)
    phone.send(Call(f"sip:server@{written}", "127.0.0.1:9", "TCP").request("OPTIONS"))
    over_tcp = phone.receive()
    phone.close()

    assert response.source == local
    assert f"@{written}>" in response["Contact"]
    assert f"@{written};" in over_tcp["Contact"]


def test_every_address_of_this_machine_is_our_own_when_all_are_listened_on(
    start_node: StartNode, caller: UdpPeer
) -> None:
    node = start_node(sip={"listen": "0.0.0.0:0"})
    local = ("127.0.0.1", node.udp.local[1])

    for host in ("127.0.0.1", "127.0.0.9", f"127.0.0.1:{local[1]}"):
        caller.send(Call(f"sip:nobody@{host}", caller.sent_by).request("INVITE"), local)

        assert caller.receive_final().status == 404


def test_t5_unreachable_port_is_503_when_all_addresses_are_listened_on(start_node: StartNode, caller: UdpPeer) -> None:
    node = start_node(sip={"listen": ["0.0.0.0:0", "[::]:0"]})

    for host in ("127.0.0.2", "[::1]"):
        uri = f"sip:bob@{host}:{unused_port()}"
        caller.send(Call(uri, caller.sent_by).request("INVITE"), ("127.0.0.1", node.udp.local[1]))

        assert caller.receive_final().status == 503


def test_t2_received_of_an_ipv6_peer_is_written_without_brackets(both_families: Node, udp: MakeUdp) -> None:
    peer = udp("::1")

    peer.send(Call("sip:server@[::1]", "[2001:db8::9]:9").request("OPTIONS"), address(both_families, "sip-udp-2"))
    response = peer.receive()

    assert response.parameter("received") == "::1"
    assert response.parameter("rport") == str(peer.address[1])


def test_ipv6_over_tcp_is_served(both_families: Node) -> None:
    peer = connect(address(both_families, "sip-tcp-2"))

    peer.send(Call("sip:server@[::1]", "[::1]:9", "TCP").request("OPTIONS"))

    assert peer.receive().status == 200
    peer.close()


def test_call_crosses_from_one_family_to_the_other(both_families: Node, caller: UdpPeer, udp: MakeUdp) -> None:
    callee = udp("::1")
    caller.send(Call(f"sip:bob@{callee.sent_by}", caller.sent_by).request("INVITE"), both_families.udp.local)

    invite = callee.receive()
    callee.send(answer(invite, "486 Busy Here"), invite.source)

    assert invite.source == address(both_families, "sip-udp-2")
    assert invite["Via"].startswith(f"SIP/2.0/UDP {both_families.bound()['sip-udp-2']};")
    assert caller.receive_final().status == 486


def test_address_of_a_family_that_is_not_served_is_502(node: Node, caller: UdpPeer) -> None:
    caller.send(Call("sip:bob@[2001:db8::1]", caller.sent_by).request("INVITE"), node.udp.local)

    assert caller.receive_final().status == 502


def test_name_of_our_own_is_no_matter_of_dns(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(sip={"domains": ["Server.example"]})
    register = Call("sip:server.example", callee.sent_by)
    callee.send(register.request("REGISTER", to="<sip:bob@server.example>"), node.udp.local)
    assert callee.receive().status == 200

    caller.send(Call("sip:bob@SERVER.example", caller.sent_by).request("INVITE"), node.udp.local)
    found = callee.receive()
    caller.send(Call("sip:nobody@server.example", caller.sent_by).request("INVITE"), node.udp.local)

    assert found.start.startswith("INVITE")
    assert caller.receive_final().status == 404


@pytest.mark.parametrize("transport", ["sctp", "tls", "ws", "carrier-pigeon"])
def test_t13_request_to_a_transport_that_is_not_here_is_501(node: Node, caller: UdpPeer, transport: str) -> None:
    uri = f"sip:bob@127.0.0.1:9;transport={transport}"

    caller.send(Call(uri, caller.sent_by).request("INVITE"), node.udp.local)

    assert caller.receive_final().status == 501


@pytest.mark.parametrize("transport", ["SCTP", "TLS-SCTP", "NEW"])
def test_t13_via_of_a_transport_that_is_not_here_is_kept(node: Node, caller: UdpPeer, transport: str) -> None:
    below = f"SIP/2.0/{transport} 192.0.2.1:5060;branch=z9hG4bKsctp"

    caller.send(Call("sip:server@127.0.0.1", caller.sent_by).request("OPTIONS", f"Via: {below}"), node.udp.local)

    assert caller.receive().all("Via")[1] == below


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"sip": {"listen": []}}, "sip.listen"),
        ({"sip": {"listen": ["127.0.0.1"]}}, "sip.listen"),
        ({"tls": {"listen": "127.0.0.1:0"}}, "tls: "),
        ({"websocket": {"secure_listen": "127.0.0.1:0"}}, "tls: "),
        ({"dns": {"servers": ["name"]}}, "dns.servers"),
    ],
)
def test_settings_that_cannot_be_used_are_faults(
    start_node: StartNode, sections: dict[str, dict[str, object]], fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        start_node(**sections)
