"""Rows P4, P5, P6 and P9: a proxy with several targets, against scripted peers."""

import pytest

from server.node import Node
from tests.conformance.caller import APPLICATION, FAST, Caller, Seen, contact, is_quiet, next_request, reply, targets
from tests.conformance.conftest import MakeUdp, StartNode
from tests.conformance.peer import UdpPeer, unused_port
from tests.conformance.proxying.servlets import ProxyingServlet

APPLICATIONS = [APPLICATION]


def test_p4_100_stops_here_and_1xx_and_2xx_pass(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.start(targets(callee))
    first = alice.receive()
    invite = callee.receive()

    for status in ("100 Trying", "180 Ringing", "183 Session Progress", "200 OK"):
        reply(callee, node, invite, status, contact(callee), "X-Seen: yes")

    assert (first.status, first.all("X-Seen")) == (100, [])
    passed = [alice.receive() for _ in range(3)]
    assert [response.status for response in passed] == [180, 183, 200]
    assert {len(response.all("Via")) for response in passed} == {1}
    assert {response["X-Seen"] for response in passed} == {"yes"}


@pytest.mark.parametrize(
    ("answers", "best"),
    [
        (["486 Busy Here", "404 Not Found"], 486),
        (["404 Not Found", "484 Address Incomplete"], 484),
        (["500 Server Internal Error", "480 Temporarily Unavailable"], 480),
        (["302 Moved Temporarily", "404 Not Found"], 302),
        (["503 Service Unavailable", "503 Service Unavailable"], 500),
        (["404 Not Found", "603 Decline"], 603),
    ],
)
def test_p4_best_final_response_is_chosen(
    alice: Caller, node: Node, udp: MakeUdp, answers: list[str], best: int
) -> None:
    peers = [udp() for _ in answers]
    alice.start(targets(*peers), "X-Proxy: no-recursion")

    for peer, status in zip(peers, answers, strict=True):
        reply(peer, node, peer.receive(), status)

    final = alice.receive(until=200)
    assert final.status == best
    assert all(peer.receive().start.startswith("ACK ") for peer in peers)


def test_p4_challenges_of_all_branches_are_passed_on_together(alice: Caller, node: Node, udp: MakeUdp) -> None:
    first, second, third = udp(), udp(), udp()
    alice.start(targets(first, second, third))

    reply(first, node, first.receive(), "401 Unauthorized", 'WWW-Authenticate: Digest realm="a", nonce="1"')
    reply(second, node, second.receive(), "407 Proxy Authentication Required", 'Proxy-Authenticate: Digest realm="b"')
    reply(third, node, third.receive(), "404 Not Found")

    final = alice.receive(until=200)
    assert final.status == 401
    assert final.all("WWW-Authenticate") == ['Digest realm="a", nonce="1"']
    assert final.all("Proxy-Authenticate") == ['Digest realm="b"']


def test_p4_2xx_of_two_branches_both_pass(alice: Caller, node: Node, udp: MakeUdp) -> None:
    peers = [udp(), udp()]
    alice.start(targets(*peers))
    invites = [peer.receive() for peer in peers]

    for number, peer in enumerate(peers):
        reply(peer, node, invites[number], "200 OK", contact(peer), tag=f"callee{number}")

    assert [alice.receive(until=200)["To"][-7:] for _ in peers] == ["callee0", "callee1"]


def test_p4_repeated_2xx_passes_again(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.start(targets(callee))
    invite = callee.receive()

    for _ in range(2):
        reply(callee, node, invite, "200 OK", contact(callee))

    assert [alice.receive(until=200).status for _ in range(2)] == [200, 200]


@pytest.mark.slow
def test_p4_target_that_never_answers_gives_408(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(applications=[APPLICATION], sip=FAST)
    alice = Caller(caller, node, "sip:bob@example.com")

    alice.start(targets(callee))

    assert alice.receive(until=200).status == 408


def test_p4_application_sees_branches_and_the_best_response_and_may_go_on(
    alice: Caller, node: Node, udp: MakeUdp, seen: Seen
) -> None:
    first, second, mailbox = udp(), udp(), udp()
    alice.start(targets(first, second), f"X-Then: sip:mailbox@{mailbox.sent_by}")

    reply(first, node, first.receive(), "486 Busy Here")
    reply(second, node, second.receive(), "404 Not Found")
    reply(mailbox, node, mailbox.receive(), "200 OK", contact(mailbox))

    assert alice.receive(until=200).status == 200
    assert seen == [("branch", 486), ("response", 486), ("response", 200)]


def test_p4_application_that_answers_by_itself_gives_up_its_branches(
    start_node: StartNode, caller: UdpPeer, callee: UdpPeer, udp: MakeUdp
) -> None:
    node = start_node(applications=[APPLICATION])
    alice = Caller(caller, node, "sip:bob@example.com")
    other = udp()
    alice.start(targets(callee, other), "X-Answer: 486")
    reply(other, node, other.receive(), "180 Ringing")

    reply(callee, node, callee.receive(), "404 Not Found")

    assert alice.receive(until=200).status == 486
    assert next_request(other).start.startswith("CANCEL ")


@pytest.mark.parametrize("status", ["200 OK", "603 Decline"])
def test_p5_pending_branches_are_cancelled(alice: Caller, node: Node, udp: MakeUdp, status: str) -> None:
    winner, ringing, silent = udp(), udp(), udp()
    alice.start(targets(winner, ringing, silent))
    invites = {peer: peer.receive() for peer in (winner, ringing, silent)}
    reply(ringing, node, invites[ringing], "180 Ringing")
    assert alice.receive(until=180).status == 180

    reply(winner, node, invites[winner], status, contact(winner))
    cancelled = next_request(ringing)
    reply(silent, node, invites[silent], "180 Ringing")
    late = next_request(silent)

    for peer, cancel in ((ringing, cancelled), (silent, late)):
        assert cancel.start.startswith("CANCEL ")
        assert cancel.all("Via") == invites[peer].all("Via")[:1]
        reply(peer, node, cancel, "200 OK")
        reply(peer, node, invites[peer], "487 Request Terminated")
        assert next_request(peer).start.startswith("ACK ")
    assert alice.receive(until=200).status == int(status[:3])


def test_p5_cancel_is_answered_here_and_sent_on_hop_by_hop(alice: Caller, node: Node, callee: UdpPeer) -> None:
    alice.start(targets(callee))
    invite = callee.receive()
    reply(callee, node, invite, "180 Ringing")
    assert alice.receive(until=180).status == 180

    alice.cancel()
    answered = alice.receive(until=200)
    cancel = next_request(callee)
    reply(callee, node, cancel, "200 OK")
    reply(callee, node, invite, "487 Request Terminated")
    final = alice.receive(until=200)

    assert (answered.status, answered["CSeq"]) == (200, "1 CANCEL")
    assert cancel.start.startswith("CANCEL ")
    assert (final.status, final["CSeq"]) == (487, "1 INVITE")
    assert next_request(callee).start.startswith("ACK ")


def test_p5_cancel_without_an_invite_is_refused(alice: Caller) -> None:
    alice.invite = alice.call.request("INVITE")

    alice.cancel()

    assert alice.receive(until=200).status == 481


def test_p6_three_proxies_in_a_ring_send_at_most_twice_max_breadth_messages(
    start_node: StartNode, caller: UdpPeer, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [start_node(applications=[APPLICATION]) for _ in range(3)]
    monkeypatch.setattr(ProxyingServlet, "ring", tuple(f"127.0.0.1:{node.udp.local[1]}" for node in nodes))
    breadth = 12
    alice = Caller(caller, nodes[0], "sip:x@example.com")

    alice.start(f"Max-Breadth: {breadth}")

    assert alice.receive(until=200).status == 440
    received = [word for what, word in seen if what == "received"]
    assert breadth < len(received[1:]) <= 2 * breadth


def test_p6_request_that_comes_back_unchanged_is_a_loop(start_node: StartNode, caller: UdpPeer) -> None:
    ports = unused_port(), unused_port()
    nodes = [
        start_node(
            applications=[APPLICATION],
            sip={"listen": f"127.0.0.1:{port}", "outbound_proxy": f"sip:127.0.0.1:{other}"},
        )
        for port, other in (ports, ports[::-1])
    ]
    alice = Caller(caller, nodes[0], "sip:x@example.com")

    alice.start()

    assert alice.receive(until=200).status == 482


def test_p9_five_targets_by_preference_at_once_and_one_after_another(alice: Caller, node: Node, udp: MakeUdp) -> None:
    first, also, then, last, never = (udp() for _ in range(5))
    named = [(last, 0.1), (first, 1.0), (never, 0.05), (also, 1.0), (then, 0.5)]
    alice.start("X-Targets: " + " ".join(f"sip:bob@{peer.sent_by}|{q}" for peer, q in named))

    for group in ([first, also], [then], [last]):
        invites = [peer.receive() for peer in group]
        for peer, invite in zip(group, invites, strict=True):
            reply(peer, node, invite, "200 OK" if peer is last else "486 Busy Here", contact(peer))

    assert alice.receive(until=200).status == 200
    assert is_quiet(never)


def test_p9_sequential_search_tries_one_target_after_another(alice: Caller, node: Node, udp: MakeUdp) -> None:
    peers = [udp(), udp()]
    alice.start(targets(*peers), "X-Proxy: sequential")

    invite = peers[0].receive()
    waits = is_quiet(peers[1])
    reply(peers[0], node, invite, "404 Not Found")
    second = peers[1].receive()

    assert waits
    assert second.start.startswith("INVITE ")


def test_p9_target_that_rings_too_long_is_cancelled_and_the_next_one_tried(
    alice: Caller, node: Node, udp: MakeUdp
) -> None:
    slow, second = udp(), udp()
    alice.start(targets(slow, second), "X-Proxy: sequential timeout=0.05")
    invite = slow.receive()
    reply(slow, node, invite, "180 Ringing")

    cancel = next_request(slow)
    reply(slow, node, cancel, "200 OK")
    reply(slow, node, invite, "487 Request Terminated")
    reply(second, node, second.receive(), "200 OK", contact(second))

    assert cancel.start.startswith("CANCEL ")
    assert alice.receive(until=200).status == 200


def test_p9_redirection_is_followed_once_and_never_in_a_circle(alice: Caller, node: Node, udp: MakeUdp) -> None:
    first, second = udp(), udp()
    alice.start(targets(first))

    moved = f"Contact: <sip:bob@{second.sent_by}>;q=0.9, <sip:bob@{first.sent_by}>"
    reply(first, node, first.receive(), "302 Moved Temporarily", moved)
    reply(second, node, second.receive(), "302 Moved Temporarily", f"Contact: <sip:bob@{first.sent_by}>")

    final = alice.receive(until=200)
    assert final.status == 302
    assert first.receive().start.startswith("ACK ")
    assert is_quiet(first)


def test_p9_target_named_twice_is_tried_once(alice: Caller, callee: UdpPeer) -> None:
    alice.start(targets(callee, callee))

    assert callee.receive().start.startswith("INVITE ")
    assert is_quiet(callee)
