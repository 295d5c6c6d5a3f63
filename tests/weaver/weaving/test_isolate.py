from collections.abc import Callable
from typing import Any

import pytest

from weaver.weaving import isolate
from weaver.weaving.isolate import isolated, isolated_exit
from weaver.weaving.verify import verify


class Told:
    """Keeps the errors that it is told of."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def __call__(self, error: BaseException) -> None:
        self.errors.append(error)


def plain(a: int, b: int) -> float:
    return a / b


def constant(token: object, result: object) -> str:
    return "something else"


def without_return(token: object, result: object) -> None:
    pass


def branching(token: int, result: int) -> object:
    for number in range(token):
        if number == 3:
            return result, number
    if token > 100:
        raise ValueError(token)
    return token / result


def choosing(token: object, result: object) -> object:
    return result if token == 1 else 7 if token == 4 else None


def handling(token: int, result: int) -> float:
    try:
        return token / result
    except ZeroDivisionError:
        raise ValueError("again") from None


def rebinding(token: object, result: object) -> object:
    result = [token]
    return [result]


def deleting(token: object, result: object) -> None:
    del result


def capturing(token: object, result: object) -> Callable[[], object]:
    def captured() -> object:
        nonlocal result
        result = None
        return result

    captured()
    return captured


class Bound:
    def leave(self, token: object, result: object) -> str:
        return "dropped"


def test_function_runs_as_ever() -> None:
    told = Told()

    assert isolated(plain, told)(6, 3) == 2
    assert told.errors == []


def test_error_is_told_and_none_returned() -> None:
    told = Told()

    assert isolated(plain, told)(1, 0) is None

    (error,) = told.errors
    assert isinstance(error, ZeroDivisionError)
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_lineno == plain.__code__.co_firstlineno + 1


@pytest.mark.parametrize("function", [plain, handling, divmod])
@pytest.mark.parametrize("isolate_it", [isolated, isolated_exit])
def test_what_the_teller_raises_goes_on(function: Callable[..., object], isolate_it: Callable[..., Any]) -> None:
    def failed(error: BaseException) -> None:
        raise KeyError("aimed") from error

    with pytest.raises(KeyError, match="aimed"):
        isolate_it(function, failed)("wrong", "types")


@pytest.mark.parametrize(
    "function",
    [
        plain,
        constant,
        without_return,
        branching,
        choosing,
        handling,
        rebinding,
        deleting,
        capturing,
        Bound().leave,
        divmod,
    ],
)
def test_exit_returns_the_result_whatever_it_does(function: Callable[[Any, Any], object]) -> None:
    told = Told()
    leave = isolated_exit(function, told)

    assert [leave(token, 5) for token in (1, 4, 5)] == [5, 5, 5]
    assert told.errors == []


@pytest.mark.parametrize("function", [plain, handling, branching, divmod])
def test_exit_that_fails_returns_the_result(function: Callable[[Any, Any], object]) -> None:
    told = Told()

    assert isolated_exit(function, told)(1, 0) == 0
    assert len(told.errors) == 1


def test_function_with_handlers_of_its_own_that_fails_returns_none() -> None:
    told = Told()

    assert isolated(handling, told)(1, 0) is None
    assert [type(error) for error in told.errors] == [ValueError]


def test_closure_and_defaults_are_kept() -> None:
    seen: list[object] = []

    def enter(first: int, second: int = 2, *, third: int = 3) -> None:
        seen.append((first, second, third))

    isolated(enter, Told())(1)

    assert seen == [(1, 2, 3)]


def test_error_is_no_longer_handled_afterwards() -> None:
    import sys

    isolated(plain, Told())(1, 0)

    assert sys.exception() is None


@pytest.mark.parametrize("function", [plain, constant, without_return, branching])
def test_plain_function_gets_a_handler_and_no_frame_around_it(function: Callable[..., Any]) -> None:
    for made in (isolated(function, Told()), isolated_exit(function, Told())):
        assert made.__code__.co_name == function.__name__
        assert verify(made.__code__) == []


def test_function_too_long_for_short_jumps_is_wrapped() -> None:
    namespace: dict[str, Any] = {}
    lines = "".join(f"    if token == {n}: return token * {n}\n" for n in range(80))
    exec(f"def leave(token, result):\n{lines}", namespace)

    made = isolated_exit(namespace["leave"], Told())

    assert [made(n, "result") for n in (0, 79, 80)] == ["result"] * 3
    assert made.__code__.co_name == "kept"


def test_function_with_very_many_constants_is_wrapped() -> None:
    namespace: dict[str, Any] = {}
    exec(f"def enter():\n    return [{', '.join(f'{n}.5 + x' for n in range(300))}]\nx = 0", namespace)

    assert len(isolated(namespace["enter"], Told())()) == 300


def test_generator_function_is_wrapped() -> None:
    def enter() -> Any:
        yield 1

    assert list(isolated(enter, Told())()) == [1]


def test_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolate, "_templates", {})
    monkeypatch.setattr(isolate, "_KEPT", 3)

    for number in range(10):
        namespace: dict[str, Any] = {}
        exec(f"def enter(): return {number}", namespace)
        assert isolated(namespace["enter"], Told())() == number

    assert len(isolate._templates) <= 3
