"""Rows R6 and R10, the client's side: redirections that are followed, and the way that a registrar tells."""

from tests.conformance.caller import Caller, is_quiet, reply, targets
from tests.conformance.conftest import MakeUdp, StartNode
from tests.conformance.peer import UdpPeer, answer

FOLLOWING = "tests.conformance.following"


def test_r10_client_follows_redirections_by_preference_and_never_to_one_place_twice(
    start_node: StartNode, udp: MakeUdp, caller: UdpPeer
) -> None:
    node = start_node(applications=[FOLLOWING])
    first, second, third = udp(), udp(), udp()
    Caller(caller, node, "sip:server@127.0.0.1").send("MESSAGE", targets(first))

    message = first.receive()
    moved = f"Contact: <sip:bob@{third.sent_by}>;q=0.1, <sip:bob@{second.sent_by}>, <sip:bob@{first.sent_by}>"
    reply(first, node, message, "302 Moved Temporarily", moved)
    again = second.receive()
    reply(second, node, again, "302 Moved Temporarily", f"Contact: <sip:bob@{first.sent_by}>")
    last = third.receive()
    reply(third, node, last, "404 Not Found")

    assert [one["Call-ID"] for one in (again, last)] == [message["Call-ID"]] * 2
    assert [one["CSeq"] for one in (message, again, last)] == ["1 MESSAGE", "2 MESSAGE", "3 MESSAGE"]
    assert is_quiet(first)


def test_r10_client_follows_ten_redirections_at_most(start_node: StartNode, callee: UdpPeer, caller: UdpPeer) -> None:
    node = start_node(applications=[FOLLOWING])
    Caller(caller, node, "sip:server@127.0.0.1").send("MESSAGE", targets(callee))

    received = 0
    while received < 10:
        message = callee.receive()
        received += 1
        callee.send(
            answer(message, "302 Moved Temporarily", f"Contact: <sip:bob{received}@{callee.sent_by}>"), node.udp.local
        )

    assert is_quiet(callee)


def test_r6_client_sends_by_the_service_route_that_its_registrar_told(
    start_node: StartNode, udp: MakeUdp, caller: UdpPeer
) -> None:
    node = start_node(applications=[FOLLOWING])
    registrar, edge = udp(), udp()
    Caller(caller, node, "sip:server@127.0.0.1").send("OPTIONS", targets(registrar))

    register = registrar.receive()
    route = f"<sip:edge@{edge.sent_by};lr>"
    reply(registrar, node, register, "200 OK", f"Service-Route: {route}, <sip:home@192.0.2.1;lr>")
    message = edge.receive()

    assert register.start.startswith("REGISTER ")
    assert message.start == "MESSAGE sip:bob@192.0.2.2 SIP/2.0"
    assert message.all("Route") == [route, "<sip:home@192.0.2.1;lr>"]
