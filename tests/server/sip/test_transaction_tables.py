import pytest

from server.errors import IllegalTransitionError
from server.sip import transaction as machine
from server.sip.build import make_request, make_response
from server.sip.effects import Deliver, Send, Terminate
from server.sip.message import Request
from server.sip.timers import TIMERS, TimerSettings, first_wait, next_wait
from server.sip.transaction import Transaction
from server.sip.transaction_tables import START, TABLES

SETTINGS = TimerSettings()
PAIRS = [(name, state, event) for name, table in TABLES.items() for state, event in table]


def request(method: str = "INVITE") -> Request:
    return make_request(
        method,
        "sip:bob@127.0.0.1",
        via="SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-x",
        from_="<sip:alice@127.0.0.1>;tag=a",
        to="<sip:bob@127.0.0.1>;tag=b",
        call_id="c",
        cseq=1,
    )


def method_of(name: str) -> str:
    return "INVITE" if name.startswith("invite") else "BYE"


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_every_pair_of_every_table_takes_its_step(name: str, state: str, event: str) -> None:
    sent = request(method_of(name))
    tx = Transaction(name, state, False, sent.wire(), make_response(sent, 180).wire(), {}, 0.5)
    status = {"1xx": 180, "2xx": 200, "3xx-6xx": 486}.get(event)

    if event in TIMERS:
        tx = Transaction(name, state, False, tx.request, tx.response, {event: 1.0}, 0.5)
        after, effects = machine.expire(tx, 1.0, SETTINGS)
    elif event == "error":
        after, effects = machine.fail(tx, 1.0, SETTINGS)
    elif status is not None:
        after, effects = machine.receive(tx, make_response(sent, status), 1.0, SETTINGS)
    else:
        after, effects = machine.receive(tx, request("ACK") if event == "ack" else sent, 1.0, SETTINGS)

    expected, actions = TABLES[name][state, event]
    assert after.state == expected
    assert (Terminate() in effects) == (expected == "Terminated")
    assert any(isinstance(effect, Send) for effect in effects) == bool({"send", "resend", "ack"} & set(actions))
    assert any(isinstance(effect, Deliver) for effect in effects) == bool(
        {"deliver", "timeout", "failed"} & set(actions)
    )


def test_pair_that_is_in_no_table_is_a_fault_of_the_caller() -> None:
    tx = Transaction("invite-client", "Calling", False, b"")

    with pytest.raises(IllegalTransitionError):
        machine.receive(tx, request(), 0.0, SETTINGS)


@pytest.mark.parametrize("name", TABLES)
def test_every_machine_starts_in_a_state_of_its_table(name: str) -> None:
    assert START[name][0] in {state for state, _ in TABLES[name]}


def test_X1_X2_invite_is_sent_seven_times_and_then_times_out() -> None:
    tx, effects = machine.start_client(request(), reliable=False, now=0.0, settings=SETTINGS)
    sends = [0.0]
    outcome: list[str] = []
    while tx.timers:
        now = machine.next_due(tx)
        tx, effects = machine.expire(tx, now, SETTINGS)
        sends += [now for effect in effects if isinstance(effect, Send)]
        outcome += [effect.event for effect in effects if isinstance(effect, Deliver)]

    assert sends == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert (now, outcome, tx.state) == (32.0, ["timeout"], "Terminated")


def test_X5_non_invite_repeats_up_to_t2() -> None:
    tx, _ = machine.start_client(request("BYE"), reliable=False, now=0.0, settings=SETTINGS)
    sends = []
    while tx.timers:
        now = machine.next_due(tx)
        tx, effects = machine.expire(tx, now, SETTINGS)
        sends += [now for effect in effects if isinstance(effect, Send)]

    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_X4_timer_d_is_zero_on_a_reliable_transport() -> None:
    tx, _ = machine.start_client(request(), reliable=True, now=0.0, settings=SETTINGS)

    tx, effects = machine.receive(tx, make_response(request(), 486), 1.0, SETTINGS)

    assert [type(effect) for effect in effects] == [Send, Deliver, Terminate]


def test_X8_accepted_passes_repeated_2xx_up_until_timer_m() -> None:
    tx, _ = machine.start_client(request(), reliable=False, now=0.0, settings=SETTINGS)
    ok = make_response(request(), 200)

    tx, first = machine.receive(tx, ok, 1.0, SETTINGS)
    tx, again = machine.receive(tx, ok, 2.0, SETTINGS)

    assert (tx.state, first, again) == ("Accepted", (Deliver("response", ok),), (Deliver("response", ok),))
    assert machine.next_due(tx) == 33.0


@pytest.mark.parametrize("name", sorted(TIMERS))
def test_every_timer_has_its_wait_on_both_kinds_of_transport(name: str) -> None:
    timer = TIMERS[name]

    assert first_wait(name, reliable=False, settings=SETTINGS) == getattr(SETTINGS, timer.base) * timer.factor
    reliable = first_wait(name, reliable=True, settings=SETTINGS)
    assert reliable == {"zero": 0.0, "off": None, "same": getattr(SETTINGS, timer.base) * timer.factor}[timer.reliable]


def test_timer_that_does_not_repeat_has_no_next_wait() -> None:
    with pytest.raises(KeyError):
        next_wait("B", 0.5, SETTINGS)
