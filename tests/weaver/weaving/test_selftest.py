from collections.abc import Generator
from types import CodeType, FunctionType

import pytest

from weaver.weaving import Advice
from weaver.weaving import selftest as public_selftest
from weaver.weaving.selftest import selftest


def test_this_python_can_be_woven() -> None:
    assert selftest() is None
    assert public_selftest() is None


def replaced(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    monkeypatch.setitem(selftest.__globals__, name, value)


def test_unknown_python_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, "VERSION", (3, 99))

    assert selftest() == "cpython 3.99 is not known to the weaver"


def test_weaving_that_does_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(code: CodeType, advice: Advice) -> CodeType:
        return code

    replaced(monkeypatch, "weave", idle)

    assert str(selftest()).startswith("a woven function gave the wrong result")


def test_weaving_that_fails_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(code: CodeType, advice: Advice) -> CodeType:
        raise ValueError("no such opcode")

    replaced(monkeypatch, "weave", broken)

    assert selftest() == "weaving failed: ValueError('no such opcode')"


@pytest.mark.parametrize(
    ("forget", "reason"),
    [
        (lambda advice: Advice(advice.enter, advice.exit, None, advice.guard), "a woven function lost an exception"),
        (lambda advice: Advice(advice.enter, advice.exit, advice.throw), "the guard let the wrong calls through"),
    ],
)
def test_lost_part_of_the_advice_is_noticed(monkeypatch: pytest.MonkeyPatch, forget: object, reason: str) -> None:
    right = selftest.__globals__["weave"]
    replaced(monkeypatch, "weave", lambda code, advice: right(code, forget(advice)))  # type: ignore[operator]

    assert str(selftest()).startswith(reason)


def safe(a: int, b: int) -> float:
    return a / b if b else 0


def single() -> Generator[int, None, str]:
    yield 1
    return "end"


async def other() -> int:
    return 4


@pytest.mark.parametrize(
    ("name", "instead", "reason"),
    [
        ("_divide", safe, "a woven function swallowed an exception"),
        ("_count", single, "a woven generator gave the wrong values"),
        ("_wait", other, "a woven coroutine gave the wrong result"),
    ],
)
def test_wrong_behaviour_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, instead: FunctionType, reason: str
) -> None:
    right = selftest.__globals__["weave"]

    def wrong(code: CodeType, advice: Advice) -> object:
        return right(instead.__code__ if code.co_name == name else code, advice)

    replaced(monkeypatch, "weave", wrong)

    assert str(selftest()).startswith(reason)


def test_generator_that_is_not_left_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = selftest.__globals__["weave"]

    def wrong(code: CodeType, advice: Advice) -> object:
        return right(code, Advice(advice.enter, advice.exit) if code.co_name == "_count" else advice)

    replaced(monkeypatch, "weave", wrong)

    assert str(selftest()).startswith("a woven generator was not left")
