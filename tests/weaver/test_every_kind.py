import copy
import inspect
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

import coverage
import pytest

from tests.weaver import every_kind
from tests.weaver.every_kind import KINDS
from weaver.scan import scan_module
from weaver.shadow import Shadow
from weaver.swap import Change, is_woven, weave_shadows
from weaver.weaving import Advice, Gate, Guard
from weaver.weaving.verify import verify

SHADOWS = scan_module(every_kind, thorough=True)
FILE = every_kind.__file__


class Slot:
    m0 = False


class Witness:
    """Advice that counts; ``state`` is how it is guarded."""

    def __init__(self, state: str) -> None:
        self.entered = self.left = 0
        slot = Slot()
        slot.m0 = state == "matching"
        guard = Guard(Gate(on=state != "gate off"), lambda: slot, "m0")
        self.advice = Advice(self._enter, self._exit, self._throw, guard)

    def _enter(self, *arguments: object) -> str:
        self.entered += 1
        return "token"

    def _exit(self, token: str, value: object) -> object:
        assert token == "token"
        self.left += 1
        return value

    def _throw(self, token: str, error: BaseException) -> None:
        assert token == "token"
        self.left += 1


def shadows_named(qualname: str) -> list[Shadow]:
    return [shadow for shadow in SHADOWS if shadow.qualname == qualname]


def codes_below(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_below(constant)


@pytest.fixture
def woven() -> Iterator[Callable[[str, str], Witness]]:
    originals = {shadow.function: shadow.function.__code__ for shadow in SHADOWS}
    changed: list[Shadow] = []

    def weave(qualname: str, state: str) -> Witness:
        witness = Witness(state)
        changed[:] = shadows_named(qualname)
        assert changed, f"{qualname} is not found"
        assert weave_shadows([Change(shadow, witness.advice) for shadow in changed]) == {}
        for shadow in changed:
            assert is_woven(shadow.function)
            assert [verify(code) for code in codes_below(shadow.function.__code__) if verify(code)] == []
        return witness

    yield weave
    weave_shadows([Change(shadow, None) for shadow in changed])
    for function, code in originals.items():
        assert function.__code__ is code
    assert not is_woven(every_kind.alive)  # type: ignore[arg-type]


def outcome(use: Callable[[], object]) -> tuple[object, ...]:
    """Return the result, or the error with the places of its traceback."""
    try:
        result = use()
    except Exception as error:
        return type(error), str(error), places(error), places(error.__cause__), places(error.__context__)
    return type(result), repr(result)


def places(error: BaseException | None) -> list[object]:
    if error is None:
        return []
    return [(f.name, f.lineno, f.end_lineno, f.colno, f.end_colno) for f in traceback.extract_tb(error.__traceback__)]


def events(use: Callable[[], object]) -> list[tuple[str, int, str]]:
    """Return what ``sys.settrace`` tells of the file."""
    seen: list[tuple[str, int, str]] = []

    def local(frame: FrameType, event: str, argument: object) -> Any:
        seen.append((event, frame.f_lineno, frame.f_code.co_name))
        return local

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        return local(frame, event, argument) if frame.f_code.co_filename == FILE else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        outcome(use)
    finally:
        sys.settrace(before)
    return seen


@pytest.mark.parametrize("state", ["gate off", "not matching", "matching"])
@pytest.mark.parametrize("kind", KINDS)
def test_woven_function_does_what_the_plain_one_does(
    kind: str, state: str, woven: Callable[[str, str], Witness]
) -> None:
    qualname, use = KINDS[kind]
    plain, plain_events = outcome(use), events(use)

    witness = woven(qualname, state)
    result = outcome(use)

    assert result == plain
    assert witness.entered == witness.left
    assert (witness.entered > 0) == (state == "matching" and kind != "wrong arguments")
    assert events(use) == plain_events


@pytest.mark.parametrize("kind", KINDS)
def test_woven_function_looks_like_the_plain_one(kind: str, woven: Callable[[str, str], Witness]) -> None:
    qualname = KINDS[kind][0]
    plain = [looks(shadow.function) for shadow in shadows_named(qualname)]

    woven(qualname, "matching")

    assert [looks(shadow.function) for shadow in shadows_named(qualname)] == plain


def looks(function: FunctionType) -> dict[str, object]:
    """Return what is seen of a function from outside."""
    code = function.__code__
    try:
        source: str = inspect.getsource(function)
    except OSError:
        source = ""
    found = {
        name: getattr(function, name)
        for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__dict__")
    }
    names = ("co_name", "co_qualname", "co_filename", "co_firstlineno", "co_varnames", "co_freevars", "co_cellvars")
    found |= {name: getattr(code, name) for name in (*names, "co_flags", "co_argcount")}
    found |= {"signature": str(inspect.signature(function)), "source": source, "copy": copy.copy(function) is function}
    found |= {"lines": sorted({line for _, _, line in code.co_lines() if line is not None})}
    try:
        found["pickled"] = pickle.loads(pickle.dumps(function)) is function
    except Exception as error:
        found["pickled"] = type(error)
    return found


@pytest.mark.slow
def test_coverage_sees_the_same_lines_and_branches(woven: Callable[[str, str], Witness]) -> None:
    def measured() -> tuple[set[int], set[tuple[int, int]]]:
        cover = coverage.Coverage(data_file=None, branch=True, include=[FILE], config_file=False)
        with cover.collect():
            for _, use in KINDS.values():
                outcome(use)
        data = cover.get_data()
        return set(data.lines(FILE) or ()), set(data.arcs(FILE) or ())

    tracer = sys.gettrace()
    plain = measured()
    changes = [Change(shadow, Witness("matching").advice) for shadow in SHADOWS]
    try:
        assert weave_shadows(changes) == {}
        woven_lines = measured()
    finally:
        weave_shadows([Change(shadow, None) for shadow in SHADOWS])
        sys.settrace(tracer)

    assert woven_lines == plain
    assert len(plain[0]) > 100


def test_every_function_of_the_file_is_found() -> None:
    found = {shadow.qualname for shadow in SHADOWS}

    assert {qualname for qualname, _ in KINDS.values()} <= found
    assert found >= {"Data.__lt__", "unwrapped.<locals>.<lambda>", "Pause.__await__"}
    assert not [name for name in found if "comp>" in name or "genexpr" in name]
