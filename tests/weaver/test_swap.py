import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from weaver.errors import WeaveError
from weaver.shadow import Shadow
from weaver.swap import is_woven, original_code, weave_shadow
from weaver.weaving import Advice, weave


def shadow_of(function: Any) -> Shadow:
    code = function.__code__
    return Shadow(
        function.__module__,
        function.__qualname__,
        function.__name__,
        code.co_filename,
        code.co_firstlineno,
        None,
        (),
        (),
        None,
        function,
    )


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def advice(self, mark: str = "") -> Advice:
        def enter(*arguments: object) -> None:
            self.lines.append(f"enter{mark}")

        def leave(token: object, value: object) -> object:
            self.lines.append(f"exit{mark}")
            return value

        def throw(token: object, error: BaseException) -> None:
            self.lines.append(f"throw{mark}")

        return Advice(enter, leave, throw)


def target(x: int) -> int:
    return x + 1


def make(n: int) -> Callable[[], int]:
    def inner() -> int:
        return n

    return inner


@pytest.fixture
def woven_target() -> Iterator[Log]:
    log = Log()
    weave_shadow(shadow_of(target), log.advice())
    yield log
    weave_shadow(shadow_of(target), None)


def test_swap_back_restores_the_very_same_code_object() -> None:
    log, before = Log(), target.__code__

    weave_shadow(shadow_of(target), log.advice())
    during = (is_woven(target), target.__code__ is before, original_code(target) is before, target(1))  # type: ignore[arg-type]
    weave_shadow(shadow_of(target), None)

    assert during == (True, False, True, 2)
    assert target.__code__ is before
    assert not is_woven(target)  # type: ignore[arg-type]
    assert target(1) == 2
    assert log.lines == ["enter", "exit"]


def test_second_advice_takes_the_place_of_the_first(woven_target: Log) -> None:
    weave_shadow(shadow_of(target), woven_target.advice(" b"))

    target(1)

    assert woven_target.lines == ["enter b", "exit b"]


def test_every_name_and_bound_method_sees_the_swap() -> None:
    class Thing:
        def act(self) -> int:
            return 1

    log, thing = Log(), Thing()
    bound, partial = thing.act, functools.partial(Thing.act, thing)

    weave_shadow(shadow_of(Thing.act), log.advice())
    bound()
    partial()
    weave_shadow(shadow_of(Thing.act), None)
    bound()

    assert log.lines == ["enter", "exit"] * 2


def test_unwoven_function_is_left_alone_when_nothing_is_to_be_taken_out() -> None:
    before = target.__code__

    weave_shadow(shadow_of(target), None)

    assert target.__code__ is before


def test_code_that_another_tool_put_in_is_not_touched(woven_target: Log) -> None:
    ours = target.__code__
    theirs = ours.replace(co_name="theirs")
    target.__code__ = theirs

    with pytest.raises(WeaveError, match="test_swap:target: another tool has replaced its code"):
        weave_shadow(shadow_of(target), None)
    with pytest.raises(WeaveError):
        weave_shadow(shadow_of(target), woven_target.advice())

    assert target.__code__ is theirs
    target.__code__ = ours


def test_equal_code_of_another_tool_counts_as_another_code(woven_target: Log) -> None:
    ours = target.__code__
    twin = ours.replace()
    target.__code__ = twin

    with pytest.raises(WeaveError):
        weave_shadow(shadow_of(target), None)

    assert twin is not ours
    target.__code__ = ours


def test_original_that_somebody_put_back_can_be_woven_again(woven_target: Log) -> None:
    target.__code__ = original_code(target)  # type: ignore[arg-type]

    weave_shadow(shadow_of(target), woven_target.advice(" again"))
    target(1)

    assert woven_target.lines == ["enter again", "exit again"]


def test_closures_of_one_def_are_swapped_together() -> None:
    log, one, two = Log(), make(1), make(2)
    before = one.__code__  # type: ignore[attr-defined]

    weave_shadow(shadow_of(one), log.advice())
    results = [one(), two()]
    three = make(3)
    results.append(three())
    weave_shadow(shadow_of(one), log.advice(" b"))
    results += [two(), three()]
    weave_shadow(shadow_of(two), None)

    assert results == [1, 2, 3, 2, 3]
    assert log.lines == ["enter", "exit"] * 2 + ["enter b", "exit b"] * 2
    assert all(f.__code__ is before for f in (one, two, three))  # type: ignore[attr-defined]


def test_code_that_cannot_be_woven_leaves_the_function_as_it_is() -> None:
    before = target.__code__

    def refuse(code: types.CodeType, advice: Advice) -> types.CodeType:
        raise ValueError("no place for advice")

    with pytest.raises(WeaveError, match="no place for advice") as caught:
        weave_shadow(shadow_of(target), Log().advice(), refuse)

    assert (caught.value.joinpoint, caught.value.reason) == ("target", "no place for advice")
    assert target.__code__ is before


def test_kept_code_with_other_free_variables_is_refused() -> None:
    def wrong(code: types.CodeType, advice: Advice) -> types.CodeType:
        return weave(make(1).__code__, advice)  # type: ignore[attr-defined]

    with pytest.raises(WeaveError, match="other free variables"):
        weave_shadow(shadow_of(target), Log().advice(), wrong)


def test_call_in_flight_ends_in_the_code_that_it_began_in() -> None:
    log = Log()

    def step(n: int) -> int:
        if n:
            weave_shadow(shadow_of(step), None)
        return n and step(n - 1)

    weave_shadow(shadow_of(step), log.advice())
    step(2)

    assert log.lines == ["enter", "exit"]
