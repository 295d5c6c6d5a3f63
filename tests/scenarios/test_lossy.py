"""Calls over a network that loses, repeats and reorders datagrams, in the time of a manual clock."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from server.testing.network import Weather
from server.testing.user_agent import UserAgent, UserCall
from tests.scenarios.lossy import Stage

CALLS = 1000
TEN_PERCENT = Weather(loss=0.1, delay=0.02)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(Random(3261), TEN_PERCENT)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_1000_of_1000_calls_complete_when_one_datagram_of_ten_is_lost(stage: Stage) -> None:
    for number in range(CALLS):
        stage.alice.dial(f"sip:bob{number}@192.0.2.2", stage.node.address)
        stage.network.run(0.1)
    stage.network.run(40)
    up = [call for call in (*stage.alice.calls.values(), *stage.bob.calls.values()) if call.state == "up"]
    for call in stage.alice.calls.values():
        stage.alice.hang_up(call)
        stage.network.run(0.05)
    stage.network.run(60)

    assert len(up) == 2 * CALLS
    for agent in (stage.alice, stage.bob):
        assert [(call.state, call.finals) for call in agent.calls.values()] == [("over", [200])] * CALLS
        assert agent.errors == []
    assert stage.network.lost > 0.08 * stage.network.carried
    stage.settle()
    assert stage.leftovers() == {}


class Lossy(RuleBasedStateMachine):
    """Two user agents with the server between them, whatever they do and whatever the weather."""

    def __init__(self) -> None:
        super().__init__()
        self.stage: Any = None

    @precondition(lambda self: self.stage is None)
    @rule(
        seed=st.integers(0, 1 << 32),
        loss=st.sampled_from([0.0, 0.1, 0.3]),
        repeats=st.sampled_from([0.0, 0.2]),
        delay=st.sampled_from([0.0, 0.05, 0.7]),
        ring=st.sampled_from([0.0, 1.0, 30.0]),
        final=st.sampled_from([200, 486, 603]),
    )
    def begin(self, seed: int, loss: float, repeats: float, delay: float, ring: float, final: int) -> None:
        self.stage = Stage(Random(seed), Weather(loss, repeats, delay), ring=ring, final=final)

    @precondition(lambda self: self.stage is not None)
    @rule()
    def alice_calls(self) -> None:
        self.stage.alice.dial("sip:bob@192.0.2.2", self.stage.node.address)

    @precondition(lambda self: self.stage is not None)
    @rule(place=st.integers(0, 7), who=st.sampled_from(["alice", "bob"]))
    def somebody_hangs_up(self, place: int, who: str) -> None:
        agent: UserAgent = getattr(self.stage, who)
        if agent.calls:
            agent.hang_up(list(agent.calls.values())[place % len(agent.calls)])

    @precondition(lambda self: self.stage is not None)
    @rule(seconds=st.sampled_from([0.01, 0.3, 2.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.stage.network.run(seconds)

    @invariant()
    def nobody_is_told_two_outcomes(self) -> None:
        for call in self.calls():
            assert len(call.finals) <= 1, call

    def teardown(self) -> None:
        if self.stage is None:
            return
        self.stage.settle()
        for agent in (self.stage.alice, self.stage.bob):
            for call in agent.calls.values():
                agent.hang_up(call)
        self.stage.settle()
        left, states = self.stage.leftovers(), {call.state for call in self.calls()}
        self.stage.close()
        assert left == {}
        assert states <= {"over"}

    def calls(self) -> list[UserCall]:
        return [] if self.stage is None else [*self.stage.alice.calls.values(), *self.stage.bob.calls.values()]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_transaction_timer_or_second_outcome_is_left_whatever_the_weather() -> None:
    run_state_machine_as_test(Lossy, settings=settings(max_examples=30, stateful_step_count=12, deadline=None))
