"""Rows T1 to T6: UDP and TCP, against scripted peers."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from server.node import Node
from tests.conformance.conftest import MakeUdp, StartNode, wait_closed
from tests.conformance.peer import Call, Listener, StreamPeer, UdpPeer, answer, both, unused_port

OpenTcp = Callable[[Node], StreamPeer]
Listen = Callable[[], Listener]

LARGE = "v=0\r\n" + "a=x\r\n" * 300


def test_t1_request_over_1300_bytes_goes_over_tcp(node: Node, open_tcp: OpenTcp, callee: UdpPeer) -> None:
    with both() as (datagrams, listener):
        phone = open_tcp(node)
        phone.send(Call(f"sip:bob@{listener.sent_by}", "127.0.0.1:5060", "TCP").request("INVITE", body=LARGE))

        server = listener.accept()
        invite = server.receive()
        server.send(answer(invite, "486 Busy Here"))

        assert invite.start.startswith("INVITE")
        assert invite["Via"].startswith("SIP/2.0/TCP")
        assert invite.body == LARGE
        assert phone.receive_final().status == 486
        datagrams.socket.settimeout(0)
        with pytest.raises(BlockingIOError):
            datagrams.receive()


def test_t1_large_request_falls_back_to_udp_when_nobody_listens_on_tcp(
    node: Node, open_tcp: OpenTcp, callee: UdpPeer
) -> None:
    phone = open_tcp(node)
    phone.send(Call(f"sip:bob@{callee.sent_by}", "127.0.0.1:5060", "TCP").request("INVITE", body=LARGE))

    invite = callee.receive()
    callee.send(answer(invite, "486 Busy Here"), node.udp.local)

    assert invite["Via"].startswith("SIP/2.0/UDP")
    assert invite.body == LARGE
    assert phone.receive_final().status == 486


def test_t1_large_request_that_is_refused_over_tcp_is_not_tried_over_udp(node: Node, open_tcp: OpenTcp) -> None:
    with both() as (datagrams, listener):
        phone = open_tcp(node)
        phone.send(Call(f"sip:bob@{listener.sent_by}", "127.0.0.1:5060", "TCP").request("INVITE", body=LARGE))
        server = listener.accept()

        server.send(answer(server.receive(), "503 Service Unavailable"))

        assert phone.receive_final().status == 503
        datagrams.socket.settimeout(0)
        with pytest.raises(BlockingIOError):
            datagrams.receive()


def test_t1_small_request_stays_on_udp(node: Node, caller: UdpPeer) -> None:
    with both() as (datagrams, _):
        caller.send(
            Call(f"sip:bob@{datagrams.sent_by}", caller.sent_by).request("INVITE", body="v=0\r\n"), node.udp.local
        )

        assert datagrams.receive()["Via"].startswith("SIP/2.0/UDP")


def test_t2_received_and_rport_are_filled_and_answered_to(node: Node, caller: UdpPeer) -> None:
    caller.send(Call("sip:server@127.0.0.1", "phone.example.com:9").request("OPTIONS"), node.udp.local)

    response = caller.receive()

    assert response.status == 200
    assert response.source == node.udp.local
    assert response.parameter("received") == "127.0.0.1"
    assert response.parameter("rport") == str(caller.address[1])


def test_t2_received_is_added_only_when_the_address_differs(node: Node, caller: UdpPeer) -> None:
    caller.send(Call("sip:server@127.0.0.1", caller.sent_by, via="").request("OPTIONS"), node.udp.local)

    response = caller.receive()

    assert response.parameter("received") is None
    assert response.parameter("rport") is None


def test_t2_received_of_the_sender_is_not_believed(node: Node, caller: UdpPeer) -> None:
    forged = Call("sip:server@127.0.0.1", "192.0.2.7:9", via=";received=192.0.2.8;rport=1")
    caller.send(forged.request("OPTIONS"), node.udp.local)

    assert caller.receive().parameter("received") == "127.0.0.1"


def test_t2_refusals_are_answered_to_the_same_place(node: Node, caller: UdpPeer) -> None:
    caller.send(Call("sip:server@127.0.0.1", "phone.example.com:9").request("PUNCH"), node.udp.local)

    response = caller.receive()

    assert response.status == 405
    assert response.parameter("rport") == str(caller.address[1])


def test_t3_without_rport_a_datagram_is_answered_to_the_port_of_its_via(
    node: Node, caller: UdpPeer, udp: MakeUdp
) -> None:
    other = udp()
    caller.send(
        Call("sip:server@127.0.0.1", f"phone.example.com:{other.address[1]}", via="").request("OPTIONS"), node.udp.local
    )

    assert other.receive().status == 200


@pytest.mark.parametrize("trusted", [["127.0.0.1"], []])
def test_t3_maddr_of_a_trusted_peer_says_where_the_answer_goes(
    start_node: StartNode, udp: MakeUdp, trusted: list[str]
) -> None:
    node, caller = start_node(sip={"trusted": trusted}), udp()
    other = udp("127.0.0.2", caller.address[1])
    via = f"phone.example.com:{caller.address[1]}"

    caller.send(Call("sip:server@127.0.0.1", via, via=";maddr=127.0.0.2").request("OPTIONS"), node.udp.local)

    assert (other if trusted else caller).receive().status == 200


def test_t3_response_goes_out_on_the_connection_of_its_request(node: Node, open_tcp: OpenTcp, callee: UdpPeer) -> None:
    phone, other = open_tcp(node), open_tcp(node)
    other.send(b"\r\n\r\n")
    phone.send(Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP").request("OPTIONS"))

    assert phone.receive().status == 200
    assert other.receive_bytes(2) == b"\r\n"


def test_t3_response_whose_connection_is_closed_goes_to_where_its_sender_listens(
    node: Node, open_tcp: OpenTcp, callee: UdpPeer, listen: Listen
) -> None:
    own = listen()
    phone = open_tcp(node)
    phone.send(Call(f"sip:bob@{callee.sent_by}", own.sent_by, "TCP").request("INVITE"))
    invite = callee.receive()
    assert phone.receive().status == 100
    phone.close()
    wait_closed(node)

    callee.send(answer(invite, "486 Busy Here"), node.udp.local)

    assert own.accept().receive().status == 486


def test_t3_request_in_a_dialog_whose_connection_is_closed_goes_to_the_contact(
    node: Node, open_tcp: OpenTcp, callee: UdpPeer, listen: Listen
) -> None:
    own = listen()
    phone = open_tcp(node)
    call = Call(f"sip:bob@{callee.sent_by}", own.sent_by, "TCP")
    contact = f"Contact: <sip:caller@{own.sent_by};transport=tcp>"
    phone.send(call.request("INVITE", contact))
    invite = callee.receive()
    callee.send(answer(invite, "200 OK", f"Contact: <sip:bob@{callee.sent_by}>"), node.udp.local)
    accepted = phone.receive_final()
    call.uri, call.number = accepted["Contact"].strip("<>"), 0
    phone.send(call.request("ACK", to=accepted["To"]))
    assert callee.receive().start.startswith("ACK")
    phone.close()
    wait_closed(node)

    back = Call(invite["Contact"].strip("<>"), callee.sent_by)
    bye = back.request("BYE", to=invite["From"]).decode()
    bye = bye.replace(f"tag={back.user}", "tag=callee").replace(f"{back.user}@example.com", invite["Call-ID"])
    callee.send(bye.encode(), node.udp.local)

    assert own.accept().receive().start.startswith(f"BYE sip:caller@{own.sent_by}")
    assert callee.receive_final().status == 200


def test_t4_bytes_behind_the_content_length_of_a_datagram_are_ignored(node: Node, caller: UdpPeer) -> None:
    call = Call("sip:server@127.0.0.1", caller.sent_by)
    caller.send(call.request("OPTIONS", body="v=0\r\n") + b"more", node.udp.local)

    assert caller.receive().status == 200


def test_t4_datagram_shorter_than_its_content_length_is_refused(node: Node, caller: UdpPeer) -> None:
    call = Call("sip:server@127.0.0.1", caller.sent_by)
    caller.send(call.request("OPTIONS", body="v=0\r\n", length=6), node.udp.local)

    assert caller.receive().status == 400


def test_t4_response_shorter_than_its_content_length_is_discarded(node: Node, caller: UdpPeer, callee: UdpPeer) -> None:
    caller.send(Call(f"sip:bob@{callee.sent_by}", caller.sent_by).request("INVITE"), node.udp.local)
    invite = callee.receive()
    short = answer(invite, "486 Busy Here").replace(b"Content-Length: 0", b"Content-Length: 9")

    callee.send(short, node.udp.local)
    callee.send(answer(invite, "603 Decline"), node.udp.local)

    assert caller.receive_final().status == 603


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "no Content-Length on a stream"),
        ("Content-Length: -5\r\n", "the Content-Length '-5' is no number"),
        ("Content-Length: 1\r\nl: 2\r\n", "two different Content-Lengths on a stream"),
    ],
)
def test_t4_stream_that_cannot_be_followed_is_refused_and_closed(
    node: Node, open_tcp: OpenTcp, line: str, reason: str
) -> None:
    phone = open_tcp(node)
    request = Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP").request("OPTIONS")

    phone.send(request.replace(b"Content-Length: 0\r\n", line.encode()))

    assert phone.receive().start == f"SIP/2.0 400 {reason}"
    assert phone.is_closed()


def test_d9_body_larger_than_any_that_is_taken_is_413_and_the_connection_closed(node: Node, open_tcp: OpenTcp) -> None:
    phone = open_tcp(node)

    phone.send(Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP").request("OPTIONS", length=65_536))

    assert phone.receive().status == 413
    assert phone.is_closed()


def test_t4_several_messages_in_one_segment_are_all_answered(node: Node, open_tcp: OpenTcp) -> None:
    phone = open_tcp(node)
    calls = [Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP") for _ in range(5)]

    phone.send(b"".join(call.request("OPTIONS", body="v=0\r\n") for call in calls))

    assert [phone.receive().status for _ in calls] == [200] * 5


@examples(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 600), max_size=8))
def test_t4_message_may_come_in_any_pieces(node: Node, open_tcp: OpenTcp, cuts: list[int]) -> None:
    phone = open_tcp(node)
    stream = b"".join(
        Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP").request("OPTIONS", body=b) for b in ("a", "bb")
    )

    last = 0
    for cut in (*sorted(set(cuts)), len(stream)):
        phone.send(stream[last:cut])
        last = cut

    assert [phone.receive().status for _ in range(2)] == [200, 200]


def test_t5_unreachable_udp_port_is_503_at_once(node: Node, caller: UdpPeer) -> None:
    caller.send(Call(f"sip:bob@127.0.0.1:{unused_port()}", caller.sent_by).request("INVITE"), node.udp.local)

    assert caller.receive_final().status == 503


def test_t5_unreachable_port_of_ipv6_is_503_at_once(start_node: StartNode, udp: MakeUdp) -> None:
    node, caller, gone = start_node(sip={"listen": "[::1]:0"}), udp("::1"), udp("::1")
    gone.close()

    caller.send(Call(f"sip:bob@{gone.sent_by}", caller.sent_by).request("MESSAGE"), node.udp.local)

    assert caller.receive_final().status == 503


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_t5_refused_connection_is_503(node: Node, caller: UdpPeer, method: str) -> None:
    uri = f"sip:bob@127.0.0.1:{unused_port()};transport=tcp"
    caller.send(Call(uri, caller.sent_by).request(method), node.udp.local)

    assert caller.receive_final().status == 503


def test_t5_connection_that_breaks_before_the_answer_is_503(node: Node, caller: UdpPeer, listen: Listen) -> None:
    listener = listen()
    caller.send(Call(f"sip:bob@{listener.sent_by};transport=tcp", caller.sent_by).request("INVITE"), node.udp.local)
    server = listener.accept()
    assert server.receive().start.startswith("INVITE")

    server.close()

    assert caller.receive_final().status == 503


def test_t5_unreachable_port_of_one_call_does_not_end_another(node: Node, caller: UdpPeer, callee: UdpPeer) -> None:
    other = Call(f"sip:bob@{callee.sent_by}", caller.sent_by)
    caller.send(other.request("INVITE"), node.udp.local)
    invite = callee.receive()
    caller.send(Call(f"sip:bob@127.0.0.1:{unused_port()}", caller.sent_by).request("INVITE"), node.udp.local)
    first = caller.receive_final()

    callee.send(answer(invite, "486 Busy Here"), node.udp.local)

    assert first.status == 503
    assert caller.receive_final().status == 486


@pytest.mark.slow
def test_t5_no_answer_in_time_is_408(start_node: StartNode, caller: UdpPeer, callee: UdpPeer) -> None:
    node = start_node(sip={"t1": 0.005, "t2": 0.04, "t4": 0.05})
    caller.send(Call(f"sip:bob@{callee.sent_by}", caller.sent_by).request("INVITE"), node.udp.local)

    assert callee.receive().start.startswith("INVITE")
    assert caller.receive_final().status == 408


def test_t6_ping_on_a_stream_is_answered_and_blank_lines_before_a_message_are_skipped(
    node: Node, open_tcp: OpenTcp
) -> None:
    phone = open_tcp(node)

    phone.send(b"\r\n\r\n")
    pong = phone.receive_bytes(2)
    phone.send(b"\r\n" + Call("sip:server@127.0.0.1", "127.0.0.1:9", "TCP").request("OPTIONS"))

    assert pong == b"\r\n"
    assert phone.receive().status == 200


def test_t6_blank_lines_before_a_datagram_are_skipped(node: Node, caller: UdpPeer) -> None:
    caller.send(b"\r\n\r\n", node.udp.local)
    caller.send(b"\r\n" + Call("sip:server@127.0.0.1", caller.sent_by).request("OPTIONS"), node.udp.local)

    assert caller.receive().status == 200


def test_t6_peer_that_answers_our_ping_is_kept_and_one_that_does_not_is_closed(
    start_node: StartNode, caller: UdpPeer, listen: Listen
) -> None:
    node = start_node(connections={"keep_alive": 0.02, "pong_timeout": 0.05})
    listener = listen()
    caller.send(Call(f"sip:bob@{listener.sent_by};transport=tcp", caller.sent_by).request("INVITE"), node.udp.local)
    server = listener.accept()
    server.receive()

    for _ in range(2):
        assert server.receive_bytes(4) == b"\r\n\r\n"
        server.send(b"\r\n")

    assert server.receive_bytes(4) == b"\r\n\r\n"
    assert server.is_closed()
    assert caller.receive_final().status == 503
