"""Monitors added, changed and removed while the program runs, at every kind of joinpoint."""

import gc
import importlib
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import gevent
import pytest

from tests.weaver.targets import Around, Recording, arguments, make_module, make_registry, monitor, started, switch_on
from weaver import context
from weaver.dye import mask_of
from weaver.errors import InvalidAttributeError, UnknownNameError
from weaver.pointcut.parser import parse_pointcut

spawn: Any = gevent.spawn

SOURCE = """
import json

class Phone:
    model = "old"

    def __init__(self, owner):
        self.owner = owner

    def ring(self, times=1):
        return self.owner * times

class Mobile(Phone):
    pass

class Bell:
    def ring(self, times=1):
        return "bell"

def helper(x):
    return x + 1

def use(phone, times=2):
    return phone.ring(times)

def calls(x):
    return helper(x) + len(json.dumps(x))

def reads(phone):
    return phone.owner

def writes(phone, owner):
    phone.owner = owner

def handles(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 0

def fails(x):
    if x:
        raise KeyError(x)
    raise OSError(x)

def outer(x):
    return inner(x)

def inner(x):
    return x

def make(n):
    def closure():
        return n
    return closure

early = make(1)
"""


@pytest.fixture
def module() -> Iterator[ModuleType]:
    made = make_module(SOURCE, "live_target")
    yield made
    sys.modules.pop("live_target", None)


def test_call_of_a_function_is_woven_where_it_is_called_and_not_where_it_is_defined(module: Any) -> None:
    registry, recording = started(module)
    before = module.calls.__code__, module.helper.__code__

    switch_on(registry, "call(* live_target.helper(..))")
    module.helper(1)
    result = module.calls(1)

    assert result == 3
    assert [one[2:] for one in arguments(recording)] == [(1,)]
    assert recording.seen[0].shadow.kind == "call"
    registry.set("M", enabled=False)
    assert (module.calls.__code__, module.helper.__code__) == before


def test_call_of_a_c_function_is_woven_at_its_site(module: Any) -> None:
    registry, recording = started(module)

    switch_on(registry, "call(* json.dumps(..))")

    assert module.calls(1) == 3
    assert len(recording.seen) == 1


def test_class_of_the_receiver_is_asked_at_run_time(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "call(* live_target.Phone+.ring(..))")

    results = [module.use(kind("x")) if kind is not module.Bell else module.use(kind()) for kind in vars_of(module)]

    assert results == ["xx", "xx", "bell"]
    assert [type(one.arguments[1]).__name__ for one in recording.seen] == ["Phone", "Mobile"]


def vars_of(module: Any) -> list[Any]:
    return [module.Phone, module.Mobile, module.Bell]


def test_classes_of_arguments_are_asked_at_run_time(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "execution(* live_target.inner(..)) and args(str)")

    module.inner(1)
    module.inner("a")

    assert arguments(recording) == [("a",)]


def test_reads_and_writes_of_an_attribute(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "get(live_target.Phone.owner)", name="Read")
    switch_on(registry, "set(live_target.Phone.owner)", name="Write")
    phone = module.Phone("a")

    module.writes(phone, "b")

    assert module.reads(phone) == "b"
    kinds = [(one.monitor, one.shadow.kind, tuple(one.arguments[2:])) for one in recording.seen]
    assert kinds == [("Write", "set", ("a",)), ("Write", "set", ("b",)), ("Read", "get", ())]


def test_handler_sees_what_it_catches_and_has_no_end(module: Any) -> None:
    registry, recording = started(module)

    switch_on(registry, "handler(ZeroDivisionError)")
    status = switch_on(registry, "handler(ZeroDivisionError)", "after", name="After")

    assert module.handles(0) == 0
    assert [type(one.arguments[2]) for one in recording.seen] == [ZeroDivisionError]
    assert "has no end" in status["failures"][0]


def test_reason_why_a_joinpoint_was_not_woven_is_forgotten_with_what_asked_for_it(module: Any) -> None:
    registry, _ = started(module)
    switch_on(registry, "handler(ZeroDivisionError)", "after", name="After")
    before = [one for one in registry.report()["modules"] if one["aborted"]]

    status = registry.set("After", enabled=False)

    assert len(before) == 1
    assert [one for one in registry.report()["modules"] if one["aborted"]] == []
    assert status["failures"] == []


def test_object_that_the_code_runs_on_and_its_target_are_asked_at_run_time(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "execution(* live_target.Phone.ring(..)) and this(live_target.Mobile)", name="This")
    switch_on(registry, "call(* ring(..)) and target(live_target.Bell) and args(int)", name="Target")

    module.use(module.Phone("a"))
    module.use(module.Mobile("b"))
    module.use(module.Bell(), 1)

    assert [(one.monitor, type(one.arguments[0]).__name__) for one in recording.seen] == [
        ("This", "Mobile"),
        ("Target", "NoneType"),
    ]


def test_raises_is_asked_at_the_end(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "execution(* live_target.fails(..)) and raises(KeyError)", "after")

    for x, error in ((1, KeyError), (0, OSError)):
        with pytest.raises(error):
            module.fails(x)

    assert [type(one) for one in arguments(recording)] == [tuple]
    assert arguments(recording) == [(1,)]


def test_flow_is_known_while_it_lasts(module: Any) -> None:
    registry, recording = started(module)
    originals = module.outer.__code__, module.inner.__code__
    switch_on(registry, "execution(* live_target.inner(..)) and cflow(execution(* live_target.outer(..)))")

    module.inner(1)
    module.outer(2)
    module.inner(3)

    assert arguments(recording) == [(2,)]
    registry.set("M", enabled=False)
    assert (module.outer.__code__, module.inner.__code__) == originals


def test_flow_of_one_greenlet_is_not_that_of_another(module: Any) -> None:
    registry, recording = started(module)
    switch_on(registry, "execution(* live_target.inner(..)) and cflow(execution(* live_target.outer(..)))")
    original = module.inner

    def pausing(x: int) -> int:
        gevent.sleep(0)
        return original(x)

    module.inner = pausing
    gevent.joinall([spawn(module.outer, 1), spawn(original, 2)], raise_error=True)

    assert arguments(recording) == [(1,)]


def test_execution_and_places_of_one_function_are_woven_together(module: Any) -> None:
    registry, recording = started(module, Around())
    switch_on(registry, "execution(* live_target.calls(..))", "around", name="Body")
    switch_on(registry, "call(* live_target.helper(..))", name="Call")
    original = module.calls

    assert module.calls(1) == 3
    registry.set("Body", enabled=False)
    assert module.calls(1) == 3
    assert len(recording.seen) == 2
    registry.set("Call", enabled=False)
    assert module.calls is original
    assert registry.report()["modules"][0]["woven"] == 0


def test_pointcut_of_a_monitor_is_changed_while_it_is_on(module: Any) -> None:
    registry, recording = started(module)
    before = module.helper.__code__
    switch_on(registry, "execution(* live_target.helper(..))")

    status = registry.replace("M", parse_pointcut("execution(* live_target.inner(..))"))
    module.helper(1)
    module.inner(2)

    assert status["joinpoints"] == ["live_target:inner"]
    assert status["enabled"]
    assert arguments(recording) == [(2,)]
    assert module.helper.__code__ is before


def test_monitor_is_removed_with_its_advice(module: Any) -> None:
    registry, _ = started(module)
    before = module.helper.__code__
    switch_on(registry, "execution(* live_target.helper(..))")

    status = registry.remove("M")

    assert (status["name"], status["enabled"]) == ("M", False)
    assert module.helper.__code__ is before
    with pytest.raises(UnknownNameError):
        registry.get("M")


def test_monitor_of_the_library_is_not_removed(module: Any) -> None:
    registry, _ = started(module)
    registry.add(replace(monitor("Fixed", "execution(* live_target.inner(..))"), kind="delegating"))

    with pytest.raises(InvalidAttributeError, match="switched off"):
        registry.remove("Fixed")
    with pytest.raises(InvalidAttributeError, match="custom"):
        registry.replace("Fixed", parse_pointcut("live_target.inner"))


def test_twenty_monitors_run_in_their_order_behind_one_guard(module: Any) -> None:
    registry, recording = started(module)
    for number in range(20):
        registry.add(monitor(f"M{number:02}", "execution(* live_target.inner(..))", precedence=20 - number // 2))
        registry.set(f"M{number:02}", enabled=True, actions=["Recording"], dye_mask=["ADDR1"])

    undyed = context.begin(0, {})
    module.inner(1)
    context.end(undyed)
    reached = [one["counters"]["reached"] for one in registry.list()]
    dyed = context.begin(mask_of(["ADDR1"]), {})
    module.inner(2)
    context.end(dyed)

    assert reached == [0] * 20
    names = [one.monitor for one in recording.seen]
    assert names == sorted(names, key=lambda name: (20 - int(name[1:]) // 2, name))
    assert len(names) == 20


def test_closures_alive_and_to_come_are_woven_and_put_back(module: Any) -> None:
    registry, recording = started(module)
    codes = module.make.__code__, module.early.__code__
    switch_on(registry, "execution(* live_target.make..closure(..))")

    late = module.make(2)
    results = module.early(), late()
    registry.set("M", enabled=False)

    assert results == (1, 2)
    assert len(recording.seen) == 2
    assert (module.make.__code__, module.early.__code__) == codes
    assert late.__code__ is codes[1]
    assert module.early() == 1
    assert len(recording.seen) == 2


def test_frozen_closures_are_found(module: Any) -> None:
    registry, recording = started(module)
    code = module.early.__code__
    gc.collect()
    gc.freeze()
    try:
        switch_on(registry, "execution(* live_target.make..closure(..))")
        module.early()
        first = len(recording.seen)
        late = module.make(3)
        gc.freeze()
        registry.set("M", enabled=False)
        off = module.early.__code__ is code, late.__code__ is code
        registry.set("M", enabled=True)
        late()
        registry.set("M", enabled=False)
        frozen = gc.get_freeze_count()
    finally:
        gc.unfreeze()

    assert first == 1
    assert off == (True, True)
    assert len(recording.seen) == 2
    assert frozen > 0


def test_active_frames_end_in_the_code_they_began_in(module: Any) -> None:
    make_module("import gevent\ndef wait(n):\n    gevent.sleep(0)\n    return n\n", "live_waiting")
    waiting: Any = sys.modules.pop("live_waiting")
    around = Around()
    registry = make_registry(around, Recording())
    registry.on_module(waiting)
    switch_on(registry, "execution(* live_waiting.wait(..))", "around")

    before = spawn(waiting.wait, 1)
    gevent.sleep(0)
    registry.set("M", enabled=False)
    results = before.get(), spawn(waiting.wait, 2).get()

    assert results == (1, 2)
    assert around.seen == ["enter", "leave 1"]


def test_code_that_was_woven_is_used_again_until_a_setting_changes(module: Any) -> None:
    registry, _ = started(module)
    switch_on(registry, "execution(* live_target.inner(..)) and cflow(execution(* live_target.outer(..)))")
    woven = module.inner.__code__, module.outer.__code__

    registry.set("M", enabled=False)
    registry.set("M", enabled=True)
    again = module.inner.__code__, module.outer.__code__
    registry.set("M", includes=["live_target"])

    assert all(one is other for one, other in zip(woven, again, strict=True))
    assert module.inner.__code__ is not woven[0]


def test_closure_that_an_active_frame_makes_after_the_monitor_is_off_tells_nothing(module: Any) -> None:
    make_module(
        "import gevent\ndef make(n):\n    gevent.sleep(0)\n    def inner():\n        return n\n    return inner\n",
        "live_making",
    )
    making: Any = sys.modules.pop("live_making")
    recording = Recording()
    registry = make_registry(recording)
    registry.on_module(making)
    switch_on(registry, "execution(* live_making.make..inner(..))")

    running = spawn(making.make, 3)
    gevent.sleep(0)
    registry.set("M", enabled=False)
    late = running.get()

    assert late() == 3
    assert recording.seen == []


def test_functions_that_the_program_drops_die_while_they_are_woven(module: Any) -> None:
    registry, _ = started(module)
    switch_on(registry, "execution(* live_target..*(..)) or call(* live_target.helper(..))")
    functions = weakref.ref(module.helper), weakref.ref(module.Phone), weakref.ref(module.make)
    gone = weakref.ref(module)

    sys.modules.pop("live_target")
    vars(module).clear()
    del module
    gc.collect()

    assert [one() for one in functions] == [None] * 3
    assert registry.get("M")["joinpoints"] == []
    registry.set("M", enabled=False)
    assert gone() is None or not vars(gone())


def test_reloaded_module_is_woven_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    source = tmp_path / "live_reloaded.py"
    source.write_text("def f():\n    return 1\n")
    module = importlib.import_module("live_reloaded")
    registry, recording = started(module)
    switch_on(registry, "execution(* live_reloaded.f(..))")
    old = module.f

    source.write_text("# longer\ndef f():\n    return 2\n")
    importlib.reload(module)
    registry.on_module(module)
    results = old(), module.f()
    registry.set("M", enabled=False)
    sys.modules.pop("live_reloaded")

    assert results == (1, 2)
    assert len(recording.seen) == 2
    assert registry.get("M")["joinpoints"] == ["live_reloaded:f"]


def test_lambda_that_only_an_object_holds_is_found(module: Any) -> None:
    module.holder = type("Holder", (), {"__slots__": ("kept",)})()
    module.holder.kept = eval("lambda: 5", vars(module))
    registry, recording = started(module)

    switch_on(registry, "execution(* live_target.<lambda>(..))")

    assert module.holder.kept() == 5
    assert len(recording.seen) == 1


def test_report_counts_what_was_done(module: Any) -> None:
    registry, _ = started(module)
    switch_on(registry, "execution(* live_target.helper(..))")

    report = registry.report()["modules"][0]

    assert report["module"] == "live_target"
    assert report["inspected"] > 10
    assert (report["matched"], report["woven"], report["aborted"]) == (1, 1, {})
    assert report["ms"] > 0


def test_import_looks_at_nothing_while_no_monitor_is_on(module: Any) -> None:
    recording = Recording()
    registry = make_registry(recording)
    registry.add(monitor("All", "execution(* *(..))"))

    registry.on_module(module)

    assert registry.report()["modules"][0]["inspected"] == 0
    assert len(registry.get("All")["joinpoints"]) > 10
