"""What a pointcut asks of one pass at run time, and the marks of the joinpoints on the way (``cflow``)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from weaver.joinpoint import Invocation, PassTest
from weaver.monitor import ActionKind
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.residue import Residue, Test
from weaver.pointcut.residue import compile as compile_residue
from weaver.shadow import Shadow

_on_the_way: ContextVar[tuple[Pointcut, ...]] = ContextVar("flows_on_the_way", default=())


class PassFacts:
    """The facts of one pass, from its invocation.

    Shape: at a place inside a function the invocation's arguments are what the code runs on, the receiver, the values.
    """

    __slots__ = ("_invocation",)

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    @property
    def this(self) -> object | None:
        """The object that the code runs on."""
        arguments = self._invocation.arguments
        return arguments[0] if arguments and _has_this(self._invocation.shadow) else None

    @property
    def receiver(self) -> object | None:
        """The object that is called, read or written; of an execution the one it runs on."""
        if self._invocation.shadow.kind == "execution":
            return self.this
        found: object = self._invocation.arguments[1]
        return found

    @property
    def arguments(self) -> tuple[object, ...]:
        """What was passed, without the object it runs on."""
        shadow = self._invocation.shadow
        if shadow.kind != "execution":
            return self._invocation.arguments[2:]
        return self._invocation.arguments[1 if _has_this(shadow) else 0 :]

    @property
    def error(self) -> BaseException | None:
        """What it raised."""
        return self._invocation.error

    def in_flow(self, pointcut: Pointcut) -> bool:
        """Say whether a joinpoint of that pointcut is on the way in this context."""
        return pointcut in _on_the_way.get()


def _has_this(shadow: Shadow) -> bool:
    """Say whether the first argument is what the code runs on."""
    if shadow.kind != "execution":
        return True
    return shadow.class_name is not None and bool(shadow.parameters) and shadow.parameters[0].name in {"self", "cls"}


def pass_test(residue: Residue | None) -> PassTest | None:
    """Return what has to be asked in each pass, None where nothing has."""
    if residue is None:
        return None
    test: Test = compile_residue(residue)
    return PassTest(_asked(test.at_entry), _asked(test.at_exit))


def _asked(check: Callable[[Any], bool] | None) -> Callable[[Invocation], bool] | None:
    return None if check is None else lambda invocation: check(PassFacts(invocation))


class FlowMark:
    """The action that marks a joinpoint as on the way while it runs."""

    name = "FlowMark"
    kind: ActionKind = "built-in"

    def __init__(self, pointcut: Pointcut) -> None:
        self._pointcut = pointcut

    def run(self, invocation: Invocation) -> None:
        """Do nothing: the mark needs a beginning and an end."""

    def enter(self, invocation: Invocation) -> None:
        """Set the mark."""
        invocation.state = _on_the_way.set((*_on_the_way.get(), self._pointcut))

    def leave(self, invocation: Invocation) -> None:
        """Take the mark away."""
        token: Any = invocation.state
        try:
            _on_the_way.reset(token)
        except ValueError:
            _on_the_way.set(())  # a generator that ends in another context than it began in
