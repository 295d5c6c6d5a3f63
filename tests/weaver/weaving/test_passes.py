import pickle
from types import FunctionType
from typing import Any

import pytest

from weaver.weaving import Advice, Gate, Guard, Passes, weave
from weaver.weaving.guard import nothing
from weaver.weaving.verify import verify


class Dyes:
    m0 = True


def plain(a: int, b: int = 2) -> float:
    return a / b


def woven(advice: Advice) -> Any:
    code = weave(plain.__code__, advice)
    assert verify(code) == []
    return FunctionType(code, plain.__globals__, "plain", plain.__defaults__)


def guarded(on: bool = True) -> Guard:
    return Guard(Gate(on), Dyes, "m0")


@pytest.mark.parametrize("guard", [None, guarded(), Guard(None, Dyes, "m0")])
def test_each_pass_is_counted(guard: Guard | None) -> None:
    passes = Passes()
    function = woven(Advice(guard=guard, passes=passes))

    assert [function(4), function(2, 1)] == [2, 2]

    assert passes.n == 2


def test_pass_is_not_counted_when_the_gate_is_shut() -> None:
    passes = Passes()

    assert woven(Advice(guard=guarded(on=False), passes=passes))(4) == 2

    assert passes.n == 0


def test_pass_that_raises_is_counted_once_with_advice_around() -> None:
    passes, seen = Passes(), []
    throw = lambda token, error: seen.append((token, type(error)))  # noqa: E731
    function = woven(Advice(exit=lambda token, value: (token, value), throw=throw, guard=guarded(), passes=passes))

    assert function(4) == (None, 2)
    with pytest.raises(ZeroDivisionError):
        function(4, 0)

    assert (passes.n, seen) == (2, [(None, ZeroDivisionError)])


@pytest.mark.parametrize("leave", [None, lambda token, value: (token, value)])
def test_enter_without_arguments(leave: Any) -> None:
    seen: list[str] = []

    def enter() -> str:
        seen.append("entered")
        return "token"

    result = woven(Advice(enter, leave, guard=guarded(), arguments=False))(4)

    assert (seen, result) == (["entered"], 2 if leave is None else ("token", 2))


def test_count_is_pickled_as_one_of_nothing() -> None:
    passes = Passes()
    next(passes)

    assert list(pickle.loads(pickle.dumps(passes))) == []
    assert passes.n == 1


def test_nothing_takes_anything() -> None:
    assert nothing(1, 2) is None  # type: ignore[func-returns-value]
