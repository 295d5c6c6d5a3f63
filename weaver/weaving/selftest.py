"""Decides at start whether this Python can be woven: weaves a few functions and runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from weaver.weaving.assembler import SUPPORTED, VERSION
from weaver.weaving.guard import Advice, weave


def selftest() -> str | None:
    """Return None when weaving works here, else the reason why it does not."""
    if VERSION not in SUPPORTED or sys.implementation.name != "cpython":
        return f"{sys.implementation.name} {VERSION[0]}.{VERSION[1]} is not known to the weaver"
    seen: list[object] = []

    def leave(token: object, value: object) -> object:
        seen.append((token, value))
        return value

    advice = Advice(lambda *arguments: arguments, leave, lambda _, error: seen.append(error))
    add.__code__, original = weave(add.__code__, advice), add.__code__
    try:
        if add(2, b=3) != 5 or seen != [((2, 3), 5)]:
            return f"a woven function gave the wrong result: {seen}"
        try:
            add(None, 1)  # type: ignore[arg-type]
        except TypeError as error:
            if seen[-1] is not error:
                return "a woven function lost an exception"
        else:
            return "a woven function swallowed an exception"
    finally:
        add.__code__ = original
    count.__code__, original = weave(count.__code__, advice), count.__code__
    try:
        if list(count()) != [1, 2]:
            return "a woven generator gave the wrong values"
    finally:
        count.__code__ = original
    return None


def add(a: int, b: int) -> int:
    """Be woven."""
    return a + b


def count() -> Iterator[int]:
    """Be woven."""
    yield 1
    yield 2
