"""Decides at start whether this Python can be woven: weaves a few functions and runs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from types import FunctionType
from typing import Any

from weaver.weaving.assembler import SUPPORTED, VERSION
from weaver.weaving.guard import Advice, Gate, Guard, weave


def selftest() -> str | None:
    """Return None when weaving works here, else the reason why it does not. Nothing is raised."""
    if VERSION not in SUPPORTED or sys.implementation.name != "cpython":
        return f"{sys.implementation.name} {VERSION[0]}.{VERSION[1]} is not known to the weaver"
    try:
        for trial in (_try_function, _try_guard, _try_generator, _try_coroutine):
            reason = trial()
            if reason is not None:
                return reason
    except Exception as error:  # noqa: BLE001  whatever it is, weaving does not work here
        return f"weaving failed: {error!r}"
    return None


class _Witness:
    """Advice that writes down what reaches it."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def enter(self, *arguments: object) -> object:
        return arguments

    def exit(self, token: object, value: object) -> object:
        self.seen.append((token, value))
        return value

    def throw(self, token: object, error: BaseException) -> None:
        self.seen.append((token, type(error)))

    def woven(self, function: Callable[..., object], guard: Guard | None = None) -> FunctionType:
        """Return a woven copy of a function."""
        assert isinstance(function, FunctionType)
        code = weave(function.__code__, Advice(self.enter, self.exit, self.throw, guard))
        return FunctionType(code, function.__globals__, function.__name__)


def _try_function() -> str | None:
    witness = _Witness()
    woven = witness.woven(_divide)
    if woven(6, b=3) != 2 or witness.seen != [((6, 3), 2)]:
        return f"a woven function gave the wrong result: {witness.seen}"
    try:
        woven(1, 0)
    except ZeroDivisionError:
        if witness.seen[1:] == [((1, 0), ZeroDivisionError)]:
            return None
        return "a woven function lost an exception"
    return "a woven function swallowed an exception"


def _try_guard() -> str | None:
    witness, gate, dyes = _Witness(), Gate(), _Dyes()
    woven = witness.woven(_divide, Guard(gate, lambda: dyes, "m0"))
    passes: list[int] = []
    for gate.on, dyes.m0 in ((False, True), (True, False), (True, True)):
        woven(4, 2)
        passes.append(len(witness.seen))
    return None if passes == [0, 0, 1] else f"the guard let the wrong calls through: {passes}"


def _try_generator() -> str | None:
    witness = _Witness()
    woven = witness.woven(_count)
    if list(woven()) != [1, 2]:
        return "a woven generator gave the wrong values"
    closed = woven()
    next(closed)
    closed.close()
    if witness.seen != [((), "end"), ((), GeneratorExit)]:
        return f"a woven generator was not left as it was entered: {witness.seen}"
    return None


def _try_coroutine() -> str | None:
    witness = _Witness()
    running: Any = witness.woven(_wait)()
    try:
        running.send(None)
    except StopIteration as stop:
        if stop.value == 3 and witness.seen == [((), 3)]:
            return None
    return f"a woven coroutine gave the wrong result: {witness.seen}"


class _Dyes:
    __slots__ = ("m0",)

    def __init__(self) -> None:
        self.m0 = False


def _divide(a: int, b: int) -> float:
    try:
        return a / b
    finally:
        a = 0


def _count() -> Generator[int, None, str]:
    yield 1
    yield 2
    return "end"


async def _wait() -> int:
    return 3
