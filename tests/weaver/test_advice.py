"""Advice never hurts the woven function."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from weaver.advice import ERRORS, RATE
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError
from weaver.event import EventBuffer
from weaver.joinpoint import Invocation
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry


def target(value: int) -> int:
    return 10 // value


class Hostile:
    name = "Hostile"
    around = False

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        target(1)
        raise RuntimeError("a bug in an action")

    enter = leave = run


class Quiet:
    name = "Quiet"
    around = False

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        target(2)
        return {"value": invocation.argument("value")}

    enter = leave = run


class Around:
    name = "Around"
    around = True

    def run(self, invocation: Invocation) -> None: ...

    def enter(self, invocation: Invocation) -> Mapping[str, Any]:
        return {}

    def leave(self, invocation: Invocation) -> Mapping[str, Any]:
        return {"elapsed_ns": invocation.elapsed_ns}


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry(EventBuffer(5))
    for action in (Hostile(), Quiet(), Around()):
        made.add_action(action)
    pointcut = parse_pointcut(f"{__name__}:target")
    for name, location in (("Before", "before"), ("After", "after"), ("Whole", "around")):
        made.add(MonitorDefinition(name, "application", "custom", location, pointcut))  # type: ignore[arg-type]
    made.on_module(sys.modules[__name__])
    yield made
    for name in made.names():
        made.set(name, enabled=False)


def test_error_in_an_action_never_reaches_the_caller_and_ends_the_monitor(registry: Registry) -> None:
    original = target.__code__
    registry.set("Before", enabled=True, actions=["Hostile"])

    results = [target(5) for _ in range(ERRORS + 2)]

    status = registry.get("Before")
    assert results == [2] * (ERRORS + 2)
    assert (status["counters"]["errors"], status["enabled"]) == (ERRORS, False)
    assert "switched off" in status["notice"]
    assert target.__code__ is original


def test_advice_does_not_trigger_advice(registry: Registry) -> None:
    registry.set("Before", enabled=True, actions=["Quiet"])

    assert target(5) == 2
    assert registry.get("Before")["counters"]["fired"] == 1


def test_exception_of_the_function_goes_on_and_is_seen(registry: Registry) -> None:
    registry.set("After", enabled=True, actions=["Quiet"])
    registry.set("Whole", enabled=True, actions=["Around"])

    with pytest.raises(ZeroDivisionError):
        target(0)

    assert [(event.monitor, (event.payload or {})["phase"]) for event in registry.buffer.recent()] == [
        ("Whole", "before"),
        ("Whole", "after"),
        ("After", "after"),
    ]


def test_rate_is_bounded_and_drops_are_counted(registry: Registry) -> None:
    registry.set("Before", enabled=True, actions=["Quiet"])
    monitor = registry._monitors["Before"]

    allowed = [monitor.may_emit(7_000_000_000) for _ in range(RATE + 3)]

    assert allowed.count(False) == 3
    assert len(registry.buffer.recent()) <= 5


def test_disabled_monitor_leaves_the_original_code_object(registry: Registry) -> None:
    original = target.__code__

    registry.set("Before", enabled=True, actions=["Quiet"])
    woven = target.__code__
    registry.set("Before", enabled=False)

    assert woven is not original
    assert target.__code__ is original


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"enabled": "yes"}, InvalidAttributeError),
        ({"actions": ["Around"]}, InvalidAttributeError),
        ({"actions": ["Nothing"]}, UnknownNameError),
        ({"dye_mask": ["ADR1"]}, UnknownNameError),
        ({"colour": 1}, InvalidAttributeError),
        ({"properties": [1]}, InvalidAttributeError),
    ],
)
def test_bad_attribute_changes_nothing(registry: Registry, attributes: dict[str, Any], error: type[Exception]) -> None:
    before = registry.get("Before")

    with pytest.raises(error):
        registry.set("Before", **attributes)

    assert registry.get("Before") == before


def test_names_are_taken_once(registry: Registry) -> None:
    with pytest.raises(PluginError):
        registry.add_action(Quiet())
    with pytest.raises(PluginError):
        registry.add(MonitorDefinition("Before", "server", "custom", "before", parse_pointcut("a.b")))
