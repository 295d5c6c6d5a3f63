"""What the constants of woven code may do: nothing that anybody notices who lets go of a function, or sends it away."""

import copy
import gc
import pickle
import weakref
from types import CodeType, FunctionType
from typing import Any

import pytest

from weaver import context
from weaver.weaving import Advice, Gate, Guard, weave
from weaver.weaving.guard import inert


class Runner:
    """An object whose methods are advice, as the weaver makes it for a joinpoint."""

    def __init__(self) -> None:
        self.entered = 0

    def enter(self, *arguments: object) -> object:
        self.entered += 1
        return arguments

    def exit(self, token: object, value: object) -> object:
        return value

    def throw(self, token: object, error: BaseException) -> None:
        return None

    def __reduce__(self) -> tuple[object, ...]:
        return inert()


def divide(a: int, b: int = 2) -> float:
    return a / b


def advice(runner: Runner, guard: Guard | None) -> Advice:
    return Advice(runner.enter, runner.exit, runner.throw, guard)


GUARDS = {
    "no guard": None,
    "guard": Guard(Gate(True), context.current_dyes.get, "m7"),
    "guard without a gate": Guard(None, context.current_dyes.get, "m7"),
}


def sent(code: CodeType) -> CodeType:
    """Return a code object as it arrives where it is sent by value: every constant pickled and read again."""
    data = [pickle.dumps(constant) for constant in code.co_consts]
    assert not any(b"weaver" in part for part in data)
    return code.replace(co_consts=tuple(map(pickle.loads, data)))


@pytest.mark.parametrize("guard", GUARDS)
def test_code_that_is_sent_by_value_runs_where_there_is_no_weaver_and_without_advice(guard: str) -> None:
    runner = Runner()
    there = FunctionType(sent(weave(divide.__code__, advice(runner, GUARDS[guard]))), {}, "divide", (2,))

    assert there(3) == 1.5
    with pytest.raises(ZeroDivisionError):
        there(1, 0)
    assert runner.entered == 0


def test_other_context_variables_cannot_be_pickled_as_before() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(context.current_context)


def test_woven_function_is_pickled_by_name_and_copied_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divide, "__code__", weave(divide.__code__, advice(Runner(), None)))

    assert pickle.loads(pickle.dumps(divide)) is divide
    assert copy.copy(divide) is copy.deepcopy(divide) is divide


def test_woven_function_and_its_class_go_when_nobody_holds_them() -> None:
    def made() -> type[Any]:
        class Held:
            def method(self) -> object:
                return __class__  # type: ignore[name-defined]

        return Held

    runner = Runner()
    held = made()
    held.method.__code__ = weave(held.method.__code__, advice(runner, None))
    assert held().method() is held
    seen = weakref.ref(held), weakref.ref(held.method)

    del held
    gc.collect()

    assert [reference() for reference in seen] == [None, None]
    assert runner.entered == 1


def test_advice_goes_when_the_original_code_is_back() -> None:
    runner = Runner()
    function = FunctionType(divide.__code__, {})
    function.__code__ = weave(divide.__code__, advice(runner, None))
    seen = weakref.ref(runner)

    function.__code__ = divide.__code__
    del runner

    assert seen() is None
