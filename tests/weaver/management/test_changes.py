"""Changes that clients made are listed, taken back, and end when their time is up."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.weaver.targets import Recording, make_registry, monitor
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError
from weaver.event import EventBuffer
from weaver.management.changes import Changes
from weaver.management.methods import standard_methods
from weaver.registry import Registry

F = "execution(* nowhere.f(..))"


class Clock:
    """Runs what is to be done later when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, Callable[[], object]]] = []

    def after(self, seconds: float, function: Callable[[], object]) -> Callable[[], object]:
        entry = (self.now + seconds, function)
        self.due.append(entry)
        return lambda: self.due.remove(entry)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for entry in [one for one in self.due if one[0] <= self.now]:
            self.due.remove(entry)
            entry[1]()


@pytest.fixture
def registry() -> Registry:
    registry = make_registry(Recording())
    registry.add(monitor("Mine", F, actions=("Recording",)))
    return registry


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Methods:
    """Calls methods by name."""

    def __init__(self, registry: Registry, clock: Clock, **more: Any) -> None:
        self.changes = Changes(registry, clock.after, lambda: clock.now, **more)
        self._methods = standard_methods(registry, EventBuffer(), changes=self.changes)

    def __call__(self, method: str, **params: Any) -> Any:
        return self._methods[method].function(params)

    def set(self, ttl: float | None = None, **attributes: Any) -> Any:
        lasting = {} if ttl is None else {"ttl": ttl}
        return self("monitor.set", name="Mine", attributes=attributes, reason="ticket", **lasting)


@pytest.fixture
def call(registry: Registry, clock: Clock) -> Methods:
    return Methods(registry, clock)


def test_changes_are_listed_with_what_was_before_and_after(call: Methods) -> None:
    changed = call.set(enabled=True)

    (listed,) = call("change.list")
    assert changed["change"] == listed["id"] == 1
    assert (listed["kind"], listed["monitor"], listed["at"]) == ("set", "Mine", 1000.0)
    assert (listed["before"], listed["after"]) == ({"enabled": False}, {"enabled": True})
    assert (listed["reason"], listed["until"], listed["undone"]) == ("ticket", None, "")


def test_change_that_was_refused_is_not_listed(call: Methods) -> None:
    with pytest.raises(InvalidAttributeError):
        call.set(enabled="yes")

    assert call("change.list") == []


def test_changes_are_taken_back_the_last_one_first(call: Methods, registry: Registry) -> None:
    call.set(enabled=True)
    call.set(dye_mask=["ADDR1"], pointcut="nowhere.g")

    call("change.undo")
    first = registry.get("Mine")
    call("change.undo")

    assert (first["enabled"], first["dye_mask"], first["pointcut"]) == (True, [], F)
    assert registry.get("Mine")["enabled"] is False
    with pytest.raises(UnknownNameError, match="no change to take back"):
        call("change.undo")


def test_added_monitor_is_gone_and_removed_one_is_back_with_its_settings(call: Methods, registry: Registry) -> None:
    call("monitor.add", name="New", pointcut=F)
    call.set(dye_mask=["ADDR1"], enabled=True)
    call("monitor.remove", name="Mine")

    call("change.undo")
    call("change.undo", id=1)

    assert registry.names() == ("Mine",)
    assert (registry.get("Mine")["dye_mask"], registry.get("Mine")["enabled"]) == (["ADDR1"], True)


def test_what_was_changed_since_stays_and_is_named(call: Methods, registry: Registry) -> None:
    call.set(enabled=True, dye_mask=["ADDR1"])
    call.set(dye_mask=["ADDR2"])

    undone = call("change.undo", id=1)

    assert undone["left"] == ["dye_mask"]
    assert (registry.get("Mine")["enabled"], registry.get("Mine")["dye_mask"]) == (False, ["ADDR2"])


def test_change_of_which_nothing_is_left_cannot_be_taken_back(call: Methods) -> None:
    call.set(dye_mask=["ADDR1"])
    call.set(dye_mask=["ADDR2"])

    with pytest.raises(WeaverError, match="change 1: dye_mask of Mine has been changed since"):
        call("change.undo", id=1)


@pytest.mark.parametrize(("number", "words"), [(1, "was taken back already, by a client"), (7, "there is no change 7")])
def test_change_that_is_none_is_refused(call: Methods, number: int, words: str) -> None:
    call.set(enabled=True)
    call("change.undo")

    with pytest.raises(UnknownNameError, match=words):
        call("change.undo", id=number)


def test_removed_monitor_is_not_put_back_over_another_of_its_name(call: Methods) -> None:
    call("monitor.remove", name="Mine")
    call("monitor.add", name="Mine", pointcut="nowhere.g")

    with pytest.raises(PluginError, match="already"):
        call("change.undo", id=1)


def test_change_with_an_end_is_taken_back_when_its_time_is_up(
    call: Methods, clock: Clock, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "weaver.audit")
    call.set(enabled=True, ttl=60)
    call("monitor.add", name="New", pointcut=F, attributes={"enabled": True}, ttl=90.0)

    clock.advance(59)
    before = registry.get("Mine")["enabled"], registry.names()
    clock.advance(1)
    between = registry.get("Mine")["enabled"], registry.names()
    clock.advance(30)

    assert (before, between) == ((True, ("Mine", "New")), (False, ("Mine", "New")))
    assert registry.names() == ("Mine",)
    assert [one["undone"] for one in call("change.list")] == ["its time was up"] * 2
    assert "change 1 of Mine is taken back: its time was up" in caplog.text


def test_change_that_was_taken_back_does_not_end_again(call: Methods, clock: Clock, registry: Registry) -> None:
    call.set(enabled=True, ttl=60)
    call("change.undo")
    call.set(enabled=True)

    clock.advance(100)

    assert registry.get("Mine")["enabled"]
    assert clock.due == []


def test_change_whose_end_comes_too_late_is_told(
    call: Methods, clock: Clock, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "weaver.audit")
    call("monitor.add", name="New", pointcut=F, ttl=60)
    registry.remove("New")

    clock.advance(60)

    assert call("change.list")[0]["undone"] == "in vain"
    assert "is not taken back: there is no monitor 'New'" in caplog.text


@pytest.mark.parametrize("ttl", [0.0, -1.0, 1e9, float("nan")])
def test_time_that_is_none_is_refused_and_nothing_changes(call: Methods, registry: Registry, ttl: float) -> None:
    with pytest.raises(InvalidAttributeError, match="ttl: must be over 0 and at most 604800 seconds"):
        call.set(enabled=True, ttl=ttl)
    with pytest.raises(InvalidAttributeError, match="ttl"):
        call("monitor.add", name="New", pointcut=F, ttl=ttl)

    assert (registry.get("Mine")["enabled"], registry.names()) == (False, ("Mine",))


def test_program_without_a_clock_refuses_changes_with_an_end(registry: Registry) -> None:
    with pytest.raises(InvalidAttributeError, match="cannot take changes back by itself"):
        Changes(registry).check(60.0)


def test_old_changes_are_forgotten_but_end_all_the_same(registry: Registry, clock: Clock) -> None:
    call = Methods(registry, clock, kept=2)
    call.set(enabled=True, ttl=60)
    for flag in ("ADDR1", "ADDR2", "ADDR3"):
        call.set(dye_mask=[flag])

    clock.advance(60)

    assert [one["id"] for one in call("change.list")] == [3, 4]
    assert registry.get("Mine")["enabled"] is False


def test_nothing_is_taken_back_once_the_program_stops(call: Methods, clock: Clock, registry: Registry) -> None:
    call.set(enabled=True, ttl=60)

    call.changes.stop()
    clock.advance(100)

    assert registry.get("Mine")["enabled"]


def test_monitor_that_has_taken_the_place_of_an_added_one_stays(
    call: Methods, clock: Clock, registry: Registry
) -> None:
    call("monitor.add", name="New", pointcut=F, ttl=60)
    registry.remove("New")
    registry.add(monitor("New", F))

    clock.advance(60)

    assert "New" in registry.names()
    with pytest.raises(WeaverError, match="change 1 was taken back already, in vain"):
        call("change.undo", id=1)


def test_added_monitor_is_taken_out_though_its_pointcut_was_changed(
    call: Methods, clock: Clock, registry: Registry
) -> None:
    call("monitor.add", name="New", pointcut=F, ttl=60)
    call("monitor.set", name="New", attributes={"pointcut": "nowhere.g"})

    clock.advance(60)

    assert "New" not in registry.names()
