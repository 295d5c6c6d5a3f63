import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.weaver.targets import in_a_thread
from weaver import hook
from weaver.build import ServerMonitor, build
from weaver.dye import SPACE
from weaver.early_code import rows_of, weave_early
from weaver.event import EventBuffer
from weaver.joinpoint import Invocation
from weaver.joinpoints import JoinPoints
from weaver.monitor import ActionKind, MonitorDefinition, Scope
from weaver.pointcut.needs import tells_by_name
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.swap import is_early, is_woven, original_code
from weaver.woven_cache import WovenCache
from weaver.woven_file import Selection

NAME = "early_subject"
SOURCE = """
from dataclasses import dataclass

def outer(n):
    def inner(x):
        return n + x
    return inner

made = outer(1)
result = made(1)

class Dialog:
    def step(self, x):
        if x < 0:
            raise ValueError(x)
        return x + 1

    @property
    def size(self):
        return 3

@dataclass
class Point:
    x: int

def other():
    return 5
"""
ALL = f"execution(* {NAME}..*(..))"


class Record:
    """Keeps what it is told."""

    name = "Record"
    kind: ActionKind = "around"

    def __init__(self) -> None:
        self.told: list[tuple[str, str, object]] = []

    def run(self, invocation: Invocation) -> None:
        """Nothing."""

    def enter(self, invocation: Invocation) -> None:
        self.told.append((invocation.monitor, invocation.shadow.qualname, invocation.arguments[-1:]))

    def leave(self, invocation: Invocation) -> None:
        self.told.append((invocation.monitor, invocation.shadow.qualname, invocation.error or invocation.result))


Import = Callable[..., tuple[Any, Registry, Record]]


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Give what builds for some pointcuts, then imports with monitors that have others."""
    path = tmp_path / f"{NAME}.py"
    path.write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    handles: list[hook.Handle] = []
    registries: list[Registry] = []

    def run(
        built: tuple[str, ...] = (ALL,), on: tuple[str, ...] = (ALL,), scope: Scope = "server", more: str = ""
    ) -> tuple[Any, Registry, Record]:
        pointcuts = [parse_pointcut(one) for one in built]
        monitors = [ServerMonitor(str(one), one, Selection(str(one), "around")) for one in pointcuts]
        report = build(monitors, [importlib.import_module(NAME)], tmp_path / "woven")
        assert not report.faults
        del sys.modules[NAME]
        path.write_text(SOURCE + more)
        registry, record = Registry(EventBuffer(10), WovenCache(tmp_path / "woven")), Record()
        registries.append(registry)
        registry.add_action(record)
        for number, text in enumerate(on):
            pointcut = parse_pointcut(text)
            registry.add(MonitorDefinition(f"M{number}", scope, "custom", "around", pointcut, actions=("Record",)))
            registry.set(f"M{number}", enabled=True)
        handles.append(hook.install(registry.on_module, [NAME], registry.on_code))
        return importlib.import_module(NAME), registry, record

    yield run
    for handle in handles:
        handle.uninstall()
    for registry in registries:
        for name in registry.names():
            registry.set(name, enabled=False)
    sys.modules.pop(NAME, None)


def functions_of(module: ModuleType) -> list[Any]:
    kind: Any = vars(module)["Dialog"]
    return [vars(module)["outer"], vars(module)["made"], vars(module)["other"], kind.step, vars(kind)["size"].fget]


def held() -> int:
    return sum(slot.holders for slot in SPACE._slots.values())


def test_functions_are_made_woven_and_tell_of_each_pass(imported: Import) -> None:
    module, _, record = imported()

    assert all(map(is_early, functions_of(module)))
    assert (module.result, module.made(2), module.Dialog().step(3), module.Dialog().size) == (2, 3, 4, 3)
    with pytest.raises(ValueError, match="-1"):
        module.Dialog().step(-1)

    told = [(where, value if isinstance(value, int) else type(value)) for _, where, value in record.told[1::2]]
    assert told == [
        ("outer.<locals>.inner", 3),
        ("Dialog.step", 4),
        ("Dialog.size", 3),
        ("Dialog.step", ValueError),
    ]


def test_what_the_body_calls_while_it_runs_is_not_told(imported: Import) -> None:
    module, registry, record = imported()

    assert module.result == 2
    assert record.told == []
    assert registry.get("M0")["counters"]["fired"] == 0


def test_original_code_is_back_when_the_monitor_is_off_whether_it_was_passed_or_not(imported: Import) -> None:
    module, registry, record = imported()
    originals = [original_code(function) for function in functions_of(module)]
    module.Dialog().step(1)
    record.told.clear()

    registry.set("M0", enabled=False)

    assert [function.__code__ for function in functions_of(module)] == originals
    assert all(f.__code__ is code for f, code in zip(functions_of(module), originals, strict=True))
    assert (module.outer(5)(1), module.made(1), module.Dialog().step(1)) == (6, 2, 2)
    assert record.told == []


def test_monitor_comes_on_again(imported: Import) -> None:
    module, registry, record = imported()

    registry.set("M0", enabled=False)
    registry.set("M0", enabled=True)
    module.made(1)
    module.other()

    assert [where for _, where, _ in record.told[::2]] == ["outer.<locals>.inner", "other"]
    assert not any(map(is_early, functions_of(module)))


def test_one_of_two_monitors_goes_off_and_the_other_stays(imported: Import) -> None:
    steps = f"execution(* {NAME}.outer..*(..))"
    module, registry, record = imported((ALL, steps), (ALL, steps))
    module.made(1)
    both = [name for name, _, _ in record.told]
    record.told.clear()

    registry.set("M0", enabled=False)
    module.made(1)
    module.outer(1)
    module.other()

    assert both == ["M0", "M1", "M1", "M0"]
    assert [(name, where) for name, where, _ in record.told] == [("M1", "outer.<locals>.inner")] * 2
    assert not is_woven(module.other)


def test_monitor_that_comes_later_joins_those_from_the_build(imported: Import) -> None:
    module, registry, record = imported()
    pointcut = parse_pointcut(f"execution(* {NAME}.outer.inner(..))")
    registry.add(MonitorDefinition("Later", "application", "custom", "around", pointcut, actions=("Record",)))

    registry.set("Later", enabled=True)
    module.made(1)
    module.outer(1)

    told = [(name, where) for name, where, _ in record.told[::2]]
    assert [where for name, where in told if name == "M0"] == ["outer.<locals>.inner", "outer"]
    assert {name for name, _, _ in record.told} == {"M0", "Later"}


def test_slot_is_held_until_nothing_runs_the_code_from_the_build(imported: Import) -> None:
    before = held()

    _, registry, _ = imported()
    during = held()
    registry.set("M0", enabled=False)

    assert during > before
    assert held() == before


def test_generated_methods_are_woven_when_the_body_has_run(imported: Import) -> None:
    module, _, record = imported()

    assert is_woven(module.Point.__init__)
    assert not is_early(module.Point.__init__)
    module.Point(1)

    assert [where for _, where, _ in record.told] == ["Point.__init__"] * 2


@pytest.mark.parametrize(
    ("built", "on", "scope", "more"),
    [
        ((ALL,), (ALL,), "server", "\n# another comment\n"),
        ((ALL,), (ALL,), "application", ""),
        ((ALL,), (ALL, f"within({NAME})"), "server", ""),
        ((f"execution(* {NAME}.*+.*(..))",), (f"execution(* {NAME}.*+.*(..))",), "server", ""),
    ],
    ids=["other source", "application scope", "pointcut that the build had not", "subclasses"],
)
def test_what_names_or_the_build_cannot_tell_is_woven_when_the_body_has_run(
    imported: Import, built: tuple[str, ...], on: tuple[str, ...], scope: Scope, more: str
) -> None:
    module, _, record = imported(built, on, scope, more)

    module.Dialog().step(1)

    assert not is_early(module.Dialog.step)
    assert is_woven(module.Dialog.step)
    assert [where for name, where, _ in record.told if name == "M0"] == ["Dialog.step"] * 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("execution(* a..b(..)) and not within(a.c)", True),
        ("a.b or withincode(* a.c(..))", True),
        ("execution(* a.B+.c(..))", False),
        ("within(a.B+)", False),
        ("execution(* a.b(request))", False),
        ("execution(int a.b(..))", False),
        ("a.b and decorated(c)", False),
        ("a.b and not this(C)", False),
    ],
)
def test_pointcuts_of_which_names_tell_all(text: str, told: bool) -> None:
    assert tells_by_name(parse_pointcut(text)) is told


def test_two_monitors_of_one_pointcut_share_what_was_built(imported: Import) -> None:
    module, _, record = imported((ALL,), (ALL, ALL))

    module.other()

    assert is_woven(module.other)
    assert [name for name, _, _ in record.told] == ["M0", "M1", "M1", "M0"]


def test_code_that_the_rows_were_not_made_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "subject.py"
    path.write_text("def work(x):\n    return x\n")
    rows = rows_of("subject", str(path), [parse_pointcut("subject.work")])
    other = compile("def work(x):\n    return -x\n", str(path), "exec")

    with pytest.raises(ValueError, match="another code"):
        weave_early(other, rows, lambda *_: None)


def test_function_that_no_search_finds_tells_nothing_and_goes_on(
    imported: Import, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(JoinPoints, "_advice_of", lambda *_: 1 // 0)
    module, _, record = imported()

    assert (module.other(), module.other()) == (5, 5)

    assert record.told == []
    assert caplog.messages == [f"the advice at {NAME}:other was not found"]


def test_pass_while_another_thread_weaves_does_not_wait_and_the_next_one_tells(imported: Import) -> None:
    module, registry, record = imported()

    with registry.exclusion:
        in_a_thread(module.other)
        before = list(record.told)
    in_a_thread(module.other)

    assert (before, len(record.told)) == ([], 2)


def test_copy_that_somebody_made_of_the_code_runs_and_tells_nothing(imported: Import) -> None:
    module, _, record = imported()

    module.other.__code__ = module.other.__code__.replace(co_name="renamed")

    assert module.other() == 5
    assert record.told == []
