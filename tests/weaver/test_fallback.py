"""Weaving on a Python that the assembler does not know."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.weaver.targets import Around, Recording, make_module, monitor
from weaver import context
from weaver.dye import mask_of
from weaver.event import EventBuffer
from weaver.fallback import ASSEMBLER, ONLY_EXECUTIONS, Engine, MonitoringEngine, choose_engine, weave_proxies
from weaver.registry import Registry

SOURCE = """
class Thing:
    def __init__(self, x):
        self.x = x
    def method(self, y=1):
        return self.x + y
    @staticmethod
    def static(x):
        return x
    @classmethod
    def made(cls, x):
        return cls(x)

def f(x, k=2):
    return x + k

def fails(x):
    raise KeyError(x)

def make(n):
    def inner():
        return n
    return inner

def generator(n):
    yield n
    yield n + 1
"""

SELFTEST = sys.modules["weaver.weaving.selftest"]
needs_monitoring = pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring came with 3.12")
ENGINES = [
    pytest.param(Engine("proxies", weave_proxies), id="proxies"),
    pytest.param(None, id="sys.monitoring", marks=needs_monitoring),
]


@pytest.fixture
def target() -> Iterator[Any]:
    yield make_module(SOURCE, "fallback_target")
    sys.modules.pop("fallback_target")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param is not None:
        yield request.param
        return
    made = MonitoringEngine()
    yield Engine("sys.monitoring", made.weave)
    if made._tool is not None:
        sys.monitoring.free_tool_id(made._tool)  # type: ignore[attr-defined,unused-ignore]


def started(engine: Engine, target: Any) -> tuple[Registry, Recording, Around]:
    registry, recording, around = Registry(EventBuffer(10), engine=engine), Recording(), Around()
    registry.add_action(recording)
    registry.add_action(around)
    registry.add(monitor("Before", "execution(* fallback_target..*(..))"))
    registry.add(monitor("Around", "execution(* fallback_target..*(..))", "around"))
    registry.on_module(target)
    return registry, recording, around


def test_known_python_is_woven_by_the_assembler() -> None:
    assert choose_engine() is ASSEMBLER


def test_unknown_python_is_woven_by_the_best_of_the_others_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SELFTEST, "VERSION", (3, 99))

    engine = choose_engine()

    assert engine.name == ("sys.monitoring" if hasattr(sys, "monitoring") else "proxies")
    assert engine.reason == "cpython 3.99 is not known to the weaver"
    report = Registry(EventBuffer(1), engine=engine).report()
    assert (report["engine"], report["reason"]) == (engine.name, engine.reason)


def test_self_test_that_fails_chooses_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise SystemError("a fault of the interpreter")

    monkeypatch.setattr(SELFTEST, "_try_function", broken)

    assert "a fault of the interpreter" in choose_engine().reason


def test_monitors_reach_functions_and_methods(engine: Engine, target: Any) -> None:
    registry, recording, around = started(engine, target)
    registry.set("Before", enabled=True, actions=["Recording"])
    registry.set("Around", enabled=True, actions=["Around"])

    results = target.f(1), target.Thing.made(3).method(), target.Thing.static(5)
    with pytest.raises(KeyError):
        target.fails(1)

    assert results == (3, 4, 5)
    names = [one.shadow.name for one in recording.seen]
    assert names == ["f", "made", "__init__", "method", "static", "fails"]
    assert around.seen.count("enter") == 6
    assert around.seen[-1] == "raised"


def test_off_is_off(engine: Engine, target: Any) -> None:
    registry, recording, _ = started(engine, target)
    original = target.f
    registry.set("Before", enabled=True, actions=["Recording"])

    registry.set("Before", enabled=False)

    assert target.f(1) == 3
    assert target.f is original
    assert recording.seen == []


def test_guard_is_asked(engine: Engine, target: Any) -> None:
    registry, recording, _ = started(engine, target)
    registry.set("Before", enabled=True, actions=["Recording"], dye_mask=["ADDR1"])

    for vector in (0, mask_of(["ADDR1"])):
        tokens = context.begin(vector, {})
        target.f(vector)
        context.end(tokens)

    assert len(recording.seen) == 1
    registry.set("Before", enabled=False)


def test_places_inside_functions_are_refused_with_the_reason(engine: Engine, target: Any) -> None:
    registry, _, _ = started(engine, target)
    registry.add(monitor("Calls", "set(fallback_target.Thing.x)"))

    status = registry.set("Calls", enabled=True)

    assert any(ONLY_EXECUTIONS in failure for failure in status["failures"])
    registry.set("Calls", enabled=False)


@needs_monitoring
def test_monitoring_reaches_closures_and_generators(target: Any) -> None:
    made = MonitoringEngine()
    registry, _, around = started(Engine("sys.monitoring", made.weave), target)
    kept = target.make(4)
    registry.set("Around", enabled=True, actions=["Around"])

    results = kept(), list(target.generator(1))

    assert results == (4, [1, 2])
    assert around.seen == ["enter", "leave 4", "enter", "leave None"]
    registry.set("Around", enabled=False)
    assert made._entered == {}
    sys.monitoring.free_tool_id(made._tool)  # type: ignore[attr-defined,unused-ignore]
