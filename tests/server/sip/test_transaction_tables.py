import re

import msgspec
import pytest

from server.errors import IllegalTransitionError
from server.sip import transaction as machine
from server.sip.build import make_response
from server.sip.effects import Deliver, Send, Terminate
from server.sip.timers import TIMERS, TimerSettings
from server.sip.transaction import Transaction
from server.sip.transaction_tables import START, TABLES
from tests.server.sip.samples import request

SETTINGS = TimerSettings()
PAIRS = [(name, state, event) for name, table in TABLES.items() for state, event in table]
EVENTS = ("1xx", "2xx", "3xx-6xx", "request", "ack", "error", "cancel", *TIMERS)
MISSING = [
    (name, state, event)
    for name, table in TABLES.items()
    for state in sorted({state for state, _ in table})
    for event in EVENTS
    if (state, event) not in table
]
ACTIONS = re.compile(
    r"deliver|send|trying|resend|ack|timeout|failed|no-ack|no-answer|stop|idle|(set|again|slow) [A-MT]"
)


def step(name: str, state: str, event: str) -> machine.Step:
    """Lead the event to a transaction in that state, by the function that the engine would call."""
    sent = request("INVITE" if name.startswith("invite") else "BYE")
    tx = Transaction(name, state, False, sent.wire(), make_response(sent, 180).wire(), {}, 0.5)
    status = {"1xx": 180, "2xx": 200, "3xx-6xx": 486}.get(event)
    if event in TIMERS:
        return machine.expire(msgspec.structs.replace(tx, timers={event: 1.0}), 1.0, SETTINGS)
    if event in {"error", "cancel"}:
        return (machine.fail if event == "error" else machine.cancel)(tx, 1.0, SETTINGS)
    if status is None:
        return machine.receive(tx, request("ACK") if event == "ack" else sent, 1.0, SETTINGS)
    react = machine.receive if "client" in name else machine.respond
    return react(tx, make_response(sent, status), 1.0, SETTINGS)


@pytest.mark.parametrize(("name", "state", "event"), PAIRS)
def test_every_pair_of_every_table_takes_its_step(name: str, state: str, event: str) -> None:
    after, effects = step(name, state, event)

    expected, actions = TABLES[name][state, event]
    delivered = [effect.event for effect in effects if isinstance(effect, Deliver)]
    user = {"deliver": "response" if "client" in name else "ack", **machine.TELLS}
    assert after.state == expected
    assert (Terminate() in effects) == (expected == "Terminated")
    assert any(isinstance(effect, Send) for effect in effects) == bool(
        {"send", "trying", "resend", "ack"} & set(actions)
    )
    assert delivered == [user[action] for action in actions if action in user]
    assert set(after.timers) == {action[-1] for action in actions if action[:-2] in {"set", "again", "slow"}}


@pytest.mark.parametrize(("name", "state", "event"), MISSING)
def test_pair_that_is_in_no_table_is_a_fault_of_the_caller(name: str, state: str, event: str) -> None:
    with pytest.raises(IllegalTransitionError) as caught:
        step(name, state, event)

    assert (caught.value.machine, caught.value.state, caught.value.event) == (name, state, event)


@pytest.mark.parametrize("name", TABLES)
def test_every_machine_starts_in_a_state_of_its_table(name: str) -> None:
    assert START[name][0] in {state for state, _ in TABLES[name]}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_of_a_table_is_reached_and_every_action_is_known(name: str) -> None:
    table = TABLES[name]

    reached = {START[name][0]} | {state for state, _ in table.values()}

    assert {state for state, _ in table} | {"Terminated"} == reached
    assert all(ACTIONS.fullmatch(action) for _, actions in table.values() for action in actions)


@pytest.mark.parametrize("state", ["Proceeding", "Completed", "Confirmed", "Accepted"])
def test_X8_invite_server_outlives_an_error_of_the_transport(state: str) -> None:
    after, effects = step("invite-server", state, "error")

    assert after.state == state
    assert Terminate() not in effects
