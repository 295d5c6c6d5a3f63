"""Rows P1 to P3, P7 and P8: a proxy in the way of one call, against scripted peers."""

import pytest

from server.node import Node
from tests.conformance.caller import (
    APPLICATION,
    FAST,
    SECOND,
    Caller,
    Seen,
    contact,
    established,
    is_quiet,
    next_request,
    record_routes,
    reply,
    targets,
)
from tests.conformance.conftest import Listen, MakeUdp, StartNode, wait_forgotten
from tests.conformance.passing.servlets import PassingServlet
from tests.conformance.peer import Call, UdpPeer, answer, both, connect

APPLICATIONS = [APPLICATION]


@pytest.mark.parametrize(
    ("lines", "uri", "status"),
    [
        ((), "unknown:bob", 416),
        (("Max-Forwards: 0",), "sip:bob@example.com", 483),
        (("Proxy-Require: x-nobody", "Max-Forwards: 70"), "sip:bob@example.com", 420),
        (("Proxy-Require: x-nobody", "Max-Forwards: 0"), "sip:bob@example.com", 483),
        (("Proxy-Require: x-nobody", "Max-Forwards: 0"), "unknown:bob", 416),
    ],
)
def test_p1_first_rule_that_is_broken_gives_the_status(
    node: Node, caller: UdpPeer, callee: UdpPeer, lines: tuple[str, ...], uri: str, status: int
) -> None:
    alice = Caller(caller, node, uri)
    sent = alice.call.request("MESSAGE", targets(callee), *lines)
    if any(line.startswith("Max-Forwards") for line in lines):
        sent = sent.replace(b"Max-Forwards: 70\r\n", b"", 1)

    caller.send(sent, node.udp.local)

    response = alice.receive(until=200)
    assert response.status == status
    assert response.all("Unsupported") == (["x-nobody"] if status == 420 else [])


def test_p1_require_is_for_the_callee_and_not_for_the_proxy(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.send("MESSAGE", targets(callee), "Require: x-nobody")

    message = callee.receive()
    reply(callee, node, message, "420 Bad Extension", "Unsupported: x-nobody")

    assert message["Require"] == "x-nobody"
    assert alice.receive(until=200)["Unsupported"] == "x-nobody"


def test_p1_unknown_method_is_forwarded(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.send("PUNCH", targets(callee))

    message = callee.receive()
    reply(callee, node, message, "200 OK")

    assert message.start.startswith("PUNCH ")
    assert alice.receive(until=200).status == 200


def test_p2_own_route_is_removed_and_the_next_one_followed(alice: Caller, node: Node, callee: UdpPeer) -> None:
    own = f"Route: <sip:127.0.0.1:{node.udp.local[1]};lr>"
    alice.start(own, f"Route: <sip:{callee.sent_by};lr>", targets("sip:carol@192.0.2.1"))

    invite = callee.receive()

    assert invite.start == "INVITE sip:carol@192.0.2.1 SIP/2.0"
    assert invite.all("Route") == [f"<sip:{callee.sent_by};lr>"]


def test_p2_strict_router_behind_gets_itself_as_request_uri(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.start(f"Route: <sip:strict@{callee.sent_by}>", targets("sip:carol@192.0.2.1"))

    invite = callee.receive()

    assert invite.start == f"INVITE sip:strict@{callee.sent_by} SIP/2.0"
    assert invite.all("Route") == ["<sip:carol@192.0.2.1>"]


def test_p3_request_is_forwarded_with_what_a_proxy_changes_and_nothing_else(
    alice: Caller, node: Node, callee: UdpPeer
) -> None:
    alice.start("X-Unknown: a,  b", "Subject: one", targets(callee), body="v=0\r\n")

    invite = callee.receive()

    assert invite.start == f"INVITE sip:bob@{callee.sent_by} SIP/2.0"
    assert (invite["Max-Forwards"], invite["Max-Breadth"]) == ("69", "60")
    ours, callers = invite.all("Via")
    assert ours.startswith(f"SIP/2.0/UDP 127.0.0.1:{node.udp.local[1]};branch=z9hG4bK")
    assert callers.startswith(f"SIP/2.0/UDP {alice.peer.sent_by};branch=")
    assert (invite["X-Unknown"], invite["Subject"], invite.body) == ("a,  b", "one", "v=0\r\n")
    assert invite.all("Record-Route") == []


def test_p3_request_goes_from_tcp_to_udp_and_back_with_its_length(node: Node, callee: UdpPeer) -> None:
    phone = connect(node.tcp.local)
    call = Call("sip:bob@example.com", "127.0.0.1:5060", "TCP")
    phone.send(call.request("MESSAGE", targets(callee), body="hello"))

    message = callee.receive()
    callee.send(answer(message, "200 OK"), node.udp.local)

    assert message["Content-Length"] == "5"
    assert phone.receive_final().status == 200
    phone.close()


def test_p3_each_try_has_a_branch_of_its_own(alice: Caller, node: Node, udp: MakeUdp) -> None:
    peers = [udp(), udp()]
    alice.start(targets(*peers))

    branches = {peer.receive().parameter("branch") for peer in peers}

    assert len(branches) == 2


def test_p7_stray_ack_goes_on_with_the_same_branch_each_time(
    alice: Caller, node: Node, caller: UdpPeer, callee: UdpPeer
) -> None:
    route = f"Route: <sip:00000000.{'0' * 20}@127.0.0.1:{node.udp.local[1]};lr>"
    alice.call.uri = f"sip:bob@{callee.sent_by}"
    ack = alice.call.request("ACK", route, to="<sip:bob@example.com>;tag=callee")

    for _ in range(2):
        caller.send(ack, node.udp.local)
    first, second = callee.receive(), callee.receive()

    assert first.start == f"ACK sip:bob@{callee.sent_by} SIP/2.0"
    assert first.parameter("branch") == second.parameter("branch")
    assert (first.all("Route"), first["Max-Forwards"], len(first.all("Via"))) == ([], "69", 2)


def test_p7_stray_ack_without_our_route_goes_nowhere(alice: Caller, callee: UdpPeer) -> None:
    alice.call.uri = f"sip:bob@{callee.sent_by}"

    alice.send("ACK", to="<sip:bob@example.com>;tag=callee")

    assert is_quiet(callee)


def test_p3_dialog_of_a_record_routing_proxy_comes_through_the_application(
    alice: Caller, node: Node, callee: UdpPeer, seen: Seen
) -> None:
    invite, accepted = established(alice, node, callee)

    alice.call.number -= 1
    alice.again("ACK", accepted)
    ack = callee.receive()
    alice.again("INFO", accepted)
    info = callee.receive()
    reply(callee, node, info, "200 OK")
    answered = alice.receive(until=200)
    alice.again("BYE", accepted)
    bye = callee.receive()
    reply(callee, node, bye, "200 OK")

    assert len(invite.all("Record-Route")) == 1
    assert accepted.all("Record-Route") == invite.all("Record-Route")
    assert [message.start.split()[0] for message in (ack, info, bye)] == ["ACK", "INFO", "BYE"]
    assert all(message.all("Route") == [] for message in (ack, info, bye))
    assert (answered.status, alice.receive(until=200).status) == (200, 200)
    assert [word for what, word in seen if what == "proxied"] == ["ACK", "INFO", "BYE"]


def test_p3_callee_ends_the_dialog_through_the_proxy(alice: Caller, node: Node, callee: UdpPeer, seen: Seen) -> None:
    invite, accepted = established(alice, node, callee)
    bob = Call(f"sip:caller@{alice.peer.sent_by}", callee.sent_by)
    bye = bob.request("BYE", f"Route: {invite['Record-Route']}", to=invite["From"]).decode()
    bye = bye.replace(f"From: <sip:caller@example.com>;tag={id(bob):x}", f"From: {accepted['To']}")

    callee.send(bye.encode(), node.udp.local)
    at_caller = alice.peer.receive()
    alice.peer.send(answer(at_caller, "200 OK"), node.udp.local)

    assert at_caller.start == f"BYE sip:caller@{alice.peer.sent_by} SIP/2.0"
    assert callee.receive().status == 200
    assert ("proxied", "BYE") in seen


def test_p3_reinvite_and_its_cancel_go_through_the_proxy(alice: Caller, node: Node, callee: UdpPeer) -> None:
    _, accepted = established(alice, node, callee)
    alice.call.uri = accepted["Contact"][1:-1]
    alice.invite = alice.send("INVITE", f"Route: {accepted['Record-Route']}", to=accepted["To"])
    invite = callee.receive()
    reply(callee, node, invite, "180 Ringing")
    assert alice.receive(until=180).status == 180

    alice.cancel()

    assert alice.receive(until=200)["CSeq"].endswith("CANCEL")
    assert next_request(callee).start.startswith("CANCEL ")


def test_p3_dialog_that_has_ended_is_not_known_any_more(
    start_node: StartNode, caller: UdpPeer, callee: UdpPeer
) -> None:
    node = start_node(applications=[APPLICATION], sip=FAST)
    alice = Caller(caller, node, "sip:bob@example.com")
    _, accepted = established(alice, node, callee)
    alice.again("BYE", accepted)
    reply(callee, node, next_request(callee), "200 OK")
    assert alice.receive(until=200).status == 200

    alice.again("INFO", accepted)

    while (response := alice.receive(until=200))["CSeq"].endswith("BYE"):
        pass
    assert response.status == 481


def test_p8_record_route_is_double_between_tcp_and_udp(node: Node, callee: UdpPeer) -> None:
    phone = connect(node.tcp.local)
    call = Call("sip:bob@example.com", "127.0.0.1:5060", "TCP")
    phone.send(call.request("INVITE", targets(callee), "X-Proxy: record-route"))
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", contact(callee)), node.udp.local)
    accepted = phone.receive_final()

    call.uri = f"sip:bob@{callee.sent_by}"
    phone.send(call.request("BYE", *[f"Route: {value}" for value in reversed(invite.all("Record-Route"))],
                            to=accepted["To"]))  # fmt: skip
    bye = callee.receive()

    outbound, inbound = record_routes(invite)
    assert ("transport=tcp" in inbound, "transport" in outbound) == (True, False)
    assert bye.start == f"BYE sip:bob@{callee.sent_by} SIP/2.0"
    assert bye.all("Route") == []
    phone.close()


def test_p8_callee_on_tcp_reaches_the_caller_on_udp(node: Node, caller: UdpPeer, listen: Listen) -> None:
    server = listen()
    alice = Caller(caller, node, "sip:bob@example.com")
    alice.start(targets(f"sip:bob@{server.sent_by};transport=tcp"), "X-Proxy: record-route")
    callee = server.accept()
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", f"Contact: <sip:bob@{server.sent_by};transport=tcp>"))
    accepted = alice.receive(until=200)

    alice.again("BYE", accepted)
    bye = callee.receive()

    outbound, inbound = record_routes(invite)
    assert ("transport=tcp" in outbound, "transport" in inbound) == (True, False)
    assert bye.start.startswith("BYE ")


def test_p3_application_that_proxies_passes_on_to_the_next_one(
    start_node: StartNode, caller: UdpPeer, callee: UdpPeer, seen: Seen
) -> None:
    node = start_node(applications=[APPLICATION, SECOND])
    alice = Caller(caller, node, "sip:bob@example.com")
    invite, accepted = established(alice, node, callee)

    alice.again("BYE", accepted)
    bye = callee.receive()
    reply(callee, node, bye, "200 OK")

    assert len(invite.all("Record-Route")) == 2
    assert (len(invite.all("Via")), invite["Max-Forwards"]) == (3, "68")
    assert (bye.all("Route"), alice.receive(until=200).status) == ([], 200)
    assert seen == [("response", 200), ("proxied", "BYE"), ("response", 200)]
    assert PassingServlet.seen == seen


def test_p5_cancel_goes_through_the_chain(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(applications=[APPLICATION, SECOND])
    alice = Caller(caller, node, "sip:bob@example.com")
    alice.start(targets(callee))
    invite = callee.receive()
    reply(callee, node, invite, "180 Ringing")
    assert alice.receive(until=180).status == 180

    alice.cancel()
    cancel = next_request(callee)
    reply(callee, node, cancel, "200 OK")
    reply(callee, node, invite, "487 Request Terminated")

    assert [alice.receive(until=200)["CSeq"] for _ in range(2)] == ["1 CANCEL", "1 INVITE"]


@pytest.mark.slow
def test_p3_nothing_is_left_of_a_call_that_is_over(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(applications=[APPLICATION, SECOND], sip=FAST)
    alice = Caller(caller, node, "sip:bob@example.com")
    _, accepted = established(alice, node, callee)
    alice.again("BYE", accepted)
    reply(callee, node, next_request(callee), "200 OK")
    assert alice.receive(until=200).status == 200

    wait_forgotten(node)


def test_p8_record_route_is_double_between_ipv4_and_ipv6(start_node: StartNode, caller: UdpPeer, udp: MakeUdp) -> None:
    node = start_node(applications=[APPLICATION], sip={"listen": ["127.0.0.1:0", "[::1]:0"]})
    callee = udp("::1")
    alice = Caller(caller, node, "sip:bob@example.com")
    alice.start(targets(callee), "X-Proxy: record-route")
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", contact(callee)), invite.source)
    accepted = alice.receive(until=200)

    alice.again("BYE", accepted)
    bye = callee.receive()

    outbound, inbound = record_routes(invite)
    assert ("@[::1]:" in outbound, "@127.0.0.1:" in inbound) == (True, True)
    assert (bye.start.split()[0], bye.all("Route")) == ("BYE", [])


def test_p3_request_to_a_phone_behind_a_connection_goes_over_that_connection(node: Node, callee: UdpPeer) -> None:
    phone = connect(node.tcp.local)
    call = Call("sip:bob@example.com", "phone.invalid", "TCP")
    phone.send(call.request("INVITE", targets(callee), "X-Proxy: record-route"))
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", contact(callee)), node.udp.local)
    accepted = phone.receive_final()

    bob = Call("sip:caller@phone.invalid", callee.sent_by)
    routes = [f"Route: {value}" for value in invite.all("Record-Route")]
    bye = bob.request("BYE", *routes, to=invite["From"]).decode()
    bye = bye.replace(f"From: <sip:caller@example.com>;tag={id(bob):x}", f"From: {accepted['To']}")
    callee.send(bye.encode(), node.udp.local)
    received = phone.receive()

    assert received.start == "BYE sip:caller@phone.invalid SIP/2.0"
    assert received.all("Route") == []
    phone.close()


def test_p8_request_that_is_too_large_for_a_datagram_gets_the_record_route_of_its_stream(
    node: Node, caller: UdpPeer
) -> None:
    alice = Caller(caller, node, "sip:bob@example.com")
    with both() as (datagrams, listener):
        alice.start(targets(datagrams), "X-Proxy: record-route", body="a=x\r\n" * 300)
        callee = listener.accept()
        invite = callee.receive()
        callee.send(answer(invite, "200 OK", f"Contact: <sip:bob@{listener.sent_by};transport=tcp>"))
        accepted = alice.receive(until=200)

        alice.again("BYE", accepted)
        bye = callee.receive()

    outbound, inbound = record_routes(invite)
    assert ("transport=tcp" in outbound, "transport" in inbound) == (True, False)
    assert bye.start == f"BYE sip:bob@{listener.sent_by};transport=tcp SIP/2.0"
