from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import server.state.memory
from monitors.look_back import Failing, inbound, statuses
from server.state.memory import MemoryStore
from server.testing.clock import ManualClock
from weaver.errors import InvalidAttributeError
from weaver.event import EventBuffer
from weaver.look_back import LookBack, mark
from weaver.plugins import Plugins
from weaver.registry import Registry


def test_statuses_are_single_ones_and_classes() -> None:
    found = statuses("fails", "503, 6xx")

    assert {503, 600, 699} <= found
    assert len(found) == 101
    assert statuses("fails", "") == frozenset()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"fails": "5x"}, "CallMarks: fails: '5x' is no status, such as 503 or 5xx"),
        ({"passes": "700"}, "CallMarks: passes: '700' is no status, such as 503 or 5xx"),
        ({"marks": 0}, "CallMarks: marks must be 1 to 1000, not 0"),
        ({"kept": True}, "CallMarks: kept must be 1 to 10000, not True"),
        ({"keeps": 1}, "CallMarks: keeps is no property; known: fails, passes, marks, calls, kept"),
    ],
)
def test_property_that_makes_no_sense_is_refused_with_its_reason(properties: dict[str, object], reason: str) -> None:
    registry = Registry(EventBuffer())
    Plugins(registry).load(["monitors.look_back"])

    with pytest.raises(InvalidAttributeError) as refused:
        registry.set("CallMarks", properties=properties)

    assert str(refused.value) == reason


@pytest.fixture
def plugins() -> Iterator[Plugins]:
    registry = Registry(EventBuffer())
    made = Plugins(registry)
    made.load(["monitors.look_back"])
    registry.set("CallMarks", enabled=True)
    registry.on_module(server.state.memory)
    yield made
    registry.set("CallMarks", enabled=False)


def test_marks_of_a_call_go_when_its_state_is_removed(plugins: Plugins) -> None:
    back, store = plugins.look_back, MemoryStore(ManualClock(), 0.0)
    for call in ("a", "b"):
        back.end(back.begin(call)[1])
    back.keep("b", "status 503")

    for call in ("a", "b"):
        store.remove(store.check_out(call, create=True))

    assert (back.show("a"), back.statistics().calls) == (None, 0)
    assert [one["call"] for one in back.list()] == ["b"]


class Refused(Exception):
    """How a servlet refuses: with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("x"), "KeyError was raised"),
        (Refused(503), "status 503"),
        (Refused(404), None),
        (Refused(200), None),
    ],
)
def test_exception_with_a_status_counts_as_that(error: Exception, reason: str | None) -> None:
    back, failing = LookBack(), Failing()
    failing.statuses = statuses("fails", "4xx 5xx") - statuses("passes", "404")
    steps = inbound(back, failing)
    begun = steps.enter(SimpleNamespace(message=None, kind="timer"), SimpleNamespace(key="k"))

    assert steps.throw is not None
    steps.throw(begun, error)

    found = back.show("k") or {}
    assert [one["reason"] for one in back.list()] == ([] if reason is None else [reason])
    assert [mark["word"] for mark in found["marks"]] == ["item", "raised"]


def test_bounds_are_properties(plugins: Plugins) -> None:
    plugins.registry.set("CallMarks", properties={"marks": 2, "calls": 3})
    back = plugins.look_back
    for number in range(5):
        ring, token = back.begin(str(number))
        for word in "abc":
            mark(word)
        back.end(token)

    assert (back.statistics().calls, len(ring)) == (3, 2)
