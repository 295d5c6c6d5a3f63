"""Advice around advice: what a compiled monitor does in every pass, and inside it the advice of the others.

So the monitor that sets the dyes of a message stays as quick as if it were alone, and the others are asked by a slot of
the dyes that it has just set.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from weaver.weaving import Advice
from weaver.weaving.guard import inert, nothing, same

_NOT_ENTERED = object()


class LayeredAdvice:
    """Enter, exit and throw of two pieces of advice; both keep their own errors in."""

    def __init__(self, outer: Advice, inner: Advice) -> None:
        self._guard = inner.guard
        self._slot = None if inner.guard is None else attrgetter(inner.guard.slot)
        self._outer, self._inner = outer, inner
        self._exits = (inner.exit or same, outer.exit or same)

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def enter(self, *arguments: Any) -> tuple[object, object]:
        """Act before the joinpoint; return both tokens.

        Errors: what was aimed at the call meanwhile.
        """
        token = _enter(self._outer, arguments)
        guard, slot = self._guard, self._slot
        if guard is not None and slot is not None:
            is_shut = guard.gate is not None and not guard.gate.on
            if is_shut or not slot(guard.get()):
                return token, _NOT_ENTERED
        try:
            return token, _enter(self._inner, arguments)
        except BaseException as error:
            if self._outer.throw is not None:
                self._outer.throw(token, error)
            raise

    def exit(self, tokens: tuple[object, object], value: Any) -> Any:
        """Act after the joinpoint has returned; return what it did.

        Errors: as above.
        """
        inner, outer = self._exits
        if tokens[1] is not _NOT_ENTERED:
            try:
                inner(tokens[1], value)
            except BaseException as error:
                if self._outer.throw is not None:
                    self._outer.throw(tokens[0], error)
                raise
        outer(tokens[0], value)
        return value

    def throw(self, tokens: tuple[object, object], error: BaseException) -> None:
        """Act after the joinpoint has raised.

        Errors: as above.
        """
        try:
            if tokens[1] is not _NOT_ENTERED and self._inner.throw is not None:
                self._inner.throw(tokens[1], error)
        finally:
            if self._outer.throw is not None:
                self._outer.throw(tokens[0], error)


def _enter(advice: Advice, arguments: tuple[Any, ...]) -> object:
    if advice.passes is not None:
        next(advice.passes)
    if advice.enter is nothing:
        return None
    return advice.enter(*arguments) if advice.arguments else advice.enter()
