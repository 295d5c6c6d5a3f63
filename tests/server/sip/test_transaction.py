import msgspec
import pytest

from server.sip import transaction as machine
from server.sip.build import make_cancel, make_response
from server.sip.effects import Deliver, Effect, Send, Terminate
from server.sip.message import Request
from server.sip.timers import TimerSettings
from server.sip.transaction import Transaction
from tests.server.sip.samples import request

SETTINGS = TimerSettings()
OLD_VIA = "SIP/2.0/UDP 127.0.0.1:5090"
"""A Via of RFC 2543: without a branch."""


def client(method: str = "INVITE", *, reliable: bool = False) -> Transaction:
    return machine.start_client(request(method), reliable=reliable, now=0.0, settings=SETTINGS)[0]


def server(method: str = "INVITE", *, reliable: bool = False) -> Transaction:
    return machine.start_server(request(method), reliable=reliable, now=0.0, settings=SETTINGS)[0]


def answered(status: int, method: str = "INVITE", *, reliable: bool = False) -> tuple[Transaction, tuple[Effect, ...]]:
    tx = server(method, reliable=reliable)
    return machine.respond(tx, make_response(request(method), status), 0.0, SETTINGS)


def run_out(tx: Transaction) -> tuple[list[float], list[tuple[float, str]], float]:
    """Fire every timer at its time; return when it sent, what it told the user and when it ended."""
    sends: list[float] = []
    told: list[tuple[float, str]] = []
    now = 0.0
    while tx.timers:
        now = machine.next_due(tx)
        tx, effects = machine.expire(tx, now, SETTINGS)
        sends += [now for effect in effects if isinstance(effect, Send)]
        told += [(now, effect.event) for effect in effects if isinstance(effect, Deliver)]
    assert tx.state == "Terminated"
    return sends, told, now


def test_client_transaction_begins_by_sending_its_request() -> None:
    sent = request()

    tx, effects = machine.start_client(sent, reliable=False, now=10.0, settings=SETTINGS)

    assert effects == (Send(sent),)
    assert (tx.machine, tx.state, tx.request, tx.timers) == (
        "invite-client", "Calling", sent.wire(), {"A": 10.5, "B": 42.0},
    )  # fmt: skip


def test_server_transaction_begins_by_giving_the_request_to_its_user() -> None:
    came = request("BYE")

    tx, effects = machine.start_server(came, reliable=False, now=10.0, settings=SETTINGS)

    assert effects == (Deliver("request", came),)
    assert (tx.machine, tx.state, tx.timers) == ("non-invite-server", "Trying", {"T": 13.5, "F": 42.0})


def test_X1_X2_invite_is_sent_seven_times_and_then_times_out() -> None:
    sends, told, _ = run_out(client())

    assert [0.0, *sends] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert told == [(32.0, "timeout")]


def test_X1_provisional_response_stops_the_retransmissions() -> None:
    ringing = make_response(request(), 180)

    tx, effects = machine.receive(client(), ringing, 0.2, SETTINGS)

    assert (tx.state, tx.timers, effects) == ("Proceeding", {}, (Deliver("response", ringing),))


def test_X1_invite_on_a_reliable_transport_is_sent_once() -> None:
    assert run_out(client(reliable=True)) == ([], [(32.0, "timeout")], 32.0)


def test_X4_final_response_is_acknowledged_each_time_and_passed_up_once() -> None:
    busy = make_response(request(), 486)

    tx, first = machine.receive(client(), busy, 1.0, SETTINGS)
    tx, again = machine.receive(tx, busy, 2.0, SETTINGS)

    ack = first[0].message if isinstance(first[0], Send) else None
    assert isinstance(ack, Request)
    assert (ack.method, ack.via, ack.cseq.number, ack.to.tag) == ("ACK", request().via, 1, "b")
    assert first == (Send(ack), Deliver("response", busy))
    assert again == (Send(ack),)
    assert tx.timers == {"D": 33.0}


def test_X4_timer_d_is_zero_on_a_reliable_transport() -> None:
    tx, effects = machine.receive(client(reliable=True), make_response(request(), 486), 1.0, SETTINGS)

    assert [type(effect) for effect in effects] == [Send, Deliver, Terminate]
    assert (tx.state, tx.timers) == ("Terminated", {})


def test_X5_non_invite_repeats_up_to_t2_and_times_out() -> None:
    sends, told, _ = run_out(client("BYE"))

    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert told == [(32.0, "timeout")]


def test_X5_non_invite_in_proceeding_repeats_every_t2() -> None:
    tx, _ = machine.receive(client("BYE"), make_response(request("BYE"), 100), 0.1, SETTINGS)

    sends, told, _ = run_out(tx)

    assert sends == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert told == [(32.0, "timeout")]


@pytest.mark.parametrize(("reliable", "timers"), [(False, {"K": 6.0}), (True, {})])
def test_X5_timer_k_absorbs_repeated_answers_only_on_an_unreliable_transport(
    reliable: bool, timers: dict[str, float]
) -> None:
    tx, effects = machine.receive(client("BYE", reliable=reliable), make_response(request("BYE"), 200), 1.0, SETTINGS)

    assert tx.timers == timers
    assert (Terminate() in effects) == reliable


def test_X6_refusal_is_repeated_up_to_t2_until_timer_h() -> None:
    tx, _ = answered(486)

    sends, told, _ = run_out(tx)

    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert told == [(32.0, "no-ack")]


def test_X6_refusal_on_a_reliable_transport_is_sent_once_but_waits_for_its_ack() -> None:
    assert run_out(answered(486, reliable=True)[0]) == ([], [(32.0, "no-ack")], 32.0)


@pytest.mark.parametrize(("reliable", "state"), [(False, "Confirmed"), (True, "Terminated")])
def test_X6_ack_ends_the_repetitions_of_a_refusal(reliable: bool, state: str) -> None:
    tx, _ = answered(486, reliable=reliable)

    tx, effects = machine.receive(tx, request("ACK"), 1.0, SETTINGS)

    assert (tx.state, tx.timers) == (state, {} if reliable else {"I": 6.0})
    assert effects == ((Terminate(),) if reliable else ())


def test_X7_repeated_request_gets_the_stored_answer() -> None:
    answer = make_response(request("BYE"), 200)
    tx, _ = answered(200, "BYE")

    tx, effects = machine.receive(tx, request("BYE"), 1.0, SETTINGS)

    assert effects == (Send(answer.wire()),)
    assert tx.timers == {"J": 32.0}


def test_X7_timer_j_is_zero_on_a_reliable_transport() -> None:
    _, effects = answered(200, "BYE", reliable=True)

    assert [type(effect) for effect in effects] == [Send, Terminate]


def test_repeated_invite_gets_the_last_provisional_response_and_nothing_before_the_first() -> None:
    tx = server()
    ringing = make_response(request(), 180)

    tx, nothing = machine.receive(tx, request(), 0.1, SETTINGS)
    tx, _ = machine.respond(tx, make_response(request(), 100), 0.2, SETTINGS)
    tx, _ = machine.respond(tx, ringing, 0.3, SETTINGS)
    tx, effects = machine.receive(tx, request(), 0.5, SETTINGS)

    assert nothing == ()
    assert effects == (Send(ringing.wire()),)


@pytest.mark.parametrize(("status", "method"), [(180, "INVITE"), (200, "INVITE"), (486, "INVITE"), (200, "BYE")])
def test_repeated_request_leaves_the_same_value(status: int, method: str) -> None:
    tx, _ = answered(status, method)

    again, _ = machine.receive(tx, request(method), 0.1, SETTINGS)

    assert again is tx


def test_X8_client_in_accepted_passes_every_2xx_up_until_timer_m() -> None:
    ok = make_response(request(), 200)

    tx, first = machine.receive(client(), ok, 1.0, SETTINGS)
    tx, again = machine.receive(tx, ok, 2.0, SETTINGS)

    assert (tx.state, first, again) == ("Accepted", (Deliver("response", ok),), (Deliver("response", ok),))
    assert tx.timers == {"M": 33.0}
    assert machine.expire(tx, 33.0, SETTINGS)[1] == (Terminate(),)


@pytest.mark.parametrize("reliable", [False, True])
def test_X8_server_in_accepted_absorbs_invites_and_passes_acks_up_until_timer_l(reliable: bool) -> None:
    tx, _ = answered(200, reliable=reliable)
    ack = request("ACK")

    tx, absorbed = machine.receive(tx, request(), 1.0, SETTINGS)
    tx, passed = machine.receive(tx, ack, 2.0, SETTINGS)

    assert (tx.state, absorbed, passed) == ("Accepted", (), (Deliver("ack", ack),))
    assert tx.timers == {"L": 32.0}
    assert machine.expire(tx, 32.0, SETTINGS)[1] == (Terminate(),)


def test_X8_server_in_accepted_sends_the_2xx_that_its_user_repeats() -> None:
    ok = make_response(request(), 200)
    tx, _ = answered(200)

    tx, effects = machine.respond(tx, ok, 1.0, SETTINGS)

    assert (effects, tx.timers) == ((Send(ok),), {"L": 32.0})


def test_failed_transport_ends_a_client_transaction_and_tells_its_user() -> None:
    tx, effects = machine.fail(client("BYE"), 1.0, SETTINGS)

    assert (tx.state, effects) == ("Terminated", (Deliver("transport-error"), Terminate()))


def test_timer_does_not_fire_before_its_time() -> None:
    tx = client()

    assert machine.expire(tx, 0.499, SETTINGS) == (tx, ())


def test_X15_late_engine_sends_one_copy_and_keeps_to_the_original_times() -> None:
    tx = client()

    tx, effects = machine.expire(tx, 8.0, SETTINGS)

    assert effects == (Send(request().wire()),)
    assert tx.timers == {"A": 15.5, "B": 32.0}


def test_X15_engine_that_comes_after_timer_b_ends_the_transaction() -> None:
    tx, effects = machine.expire(client(), 100.0, SETTINGS)

    assert effects == (Send(request().wire()), Deliver("timeout"), Terminate())
    assert tx.timers == {}


@pytest.mark.parametrize("tx", [client(), server(), client("BYE"), server("BYE"), answered(486)[0]])
def test_X15_transaction_goes_on_after_it_was_stored_and_read_again(tx: Transaction) -> None:
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(tx), type=Transaction)

    assert again == tx
    assert machine.expire(again, 40.0, SETTINGS) == machine.expire(tx, 40.0, SETTINGS)


def test_step_leaves_the_transaction_it_was_given_as_it_was() -> None:
    tx = client()
    before = msgspec.msgpack.encode(tx)

    machine.expire(tx, 100.0, SETTINGS)
    machine.receive(tx, make_response(request(), 200), 1.0, SETTINGS)

    assert msgspec.msgpack.encode(tx) == before


def test_X10_response_meets_its_request_by_branch_and_method() -> None:
    cancel = make_cancel(request())

    assert machine.client_key(make_response(request(), 200)) == machine.client_key(request())
    assert machine.client_key(make_response(cancel, 200)) == machine.client_key(cancel) != machine.client_key(request())


@pytest.mark.parametrize("via", ["SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-x", OLD_VIA, OLD_VIA + ";branch=1"])
def test_X10_ack_and_cancel_meet_their_invite(via: str) -> None:
    invite = request(via=via, to_tag="")
    key = machine.server_key(invite)

    assert machine.server_key(request("ACK", via=via, to_tag="of-our-response")) == key
    assert machine.invite_key_of_cancel(request("CANCEL", via=via, to_tag="")) == key
    assert machine.server_key(request("CANCEL", via=via, to_tag="")) != key
    assert machine.server_key(invite.with_header("Subject", "again")) == key


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-y",
        "SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK-x",
        "SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK-x",
    ],
)
def test_X10_other_branch_or_other_sender_is_another_transaction(via: str) -> None:
    assert machine.server_key(request(via=via)) != machine.server_key(request())


@pytest.mark.parametrize(
    ("name", "value"),
    [("From", "<sip:alice@127.0.0.1>;tag=z"), ("Call-ID", "d"), ("CSeq", "2 INVITE"), ("Via", OLD_VIA + "1")],
)
def test_X10_without_the_cookie_each_of_the_fields_tells_transactions_apart(name: str, value: str) -> None:
    invite = request(via=OLD_VIA)

    assert machine.server_key(invite.with_header(name, value)) != machine.server_key(invite)
    assert machine.server_key(invite.with_uri("sip:carol@127.0.0.1")) != machine.server_key(invite)
