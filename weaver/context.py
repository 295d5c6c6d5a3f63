"""The diagnostic context: id, dye vector, payload and facts that travel with one message.

Two context variables: the interned dyes, which guards read, and the context itself, which only the slow path reads.
Both are reset by token when the message is done. Where tasks do not inherit context variables, the runtime carries the
context to what a message starts (``inherit_through``), and a task that finds itself undyed looks there once.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from functools import partial
from itertools import count
from secrets import token_hex
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from weaver.dye import BITS, SLOT_NAMES, SPACE, Dyes, mask_of

_PREFIX = token_hex(6)
_serial = count(1)


class _Unresolved:
    """The dyes of a task that has none yet: whoever looks at a slot has them resolved, once, and gets the real one's.

    So every match behind a guard is a true one, and advice need not ask again.
    """

    __slots__ = ()

    is_muted = False

    def __getattr__(self, name: str) -> object:
        return getattr(resolve(), name)


UNRESOLVED = cast("Dyes", _Unresolved())

current_dyes: ContextVar[Dyes] = ContextVar("current_dyes", default=UNRESOLVED)


class DiagnosticContext:
    """What is known of the message that is being worked on.

    Shape: ``facts`` holds ``call_key``, ``method``, ``status``, ``call_id`` and the like, as plain values.
    """

    __slots__ = ("_id", "dyes", "facts", "payload", "vector")

    def __init__(self, vector: int, facts: Mapping[str, object], payload: str | None = None) -> None:
        self.dyes = SPACE.intern(vector)  # held: the gates stay open for tasks that inherit this context later
        self.vector = vector
        self.facts = facts
        self.payload = payload
        self._id = ""

    @property
    def id(self) -> str:
        """The context id: unique, made when somebody asks."""
        if not self._id:
            self._id = f"{_PREFIX}-{next(_serial):016x}"
        return self._id


current_context: ContextVar[DiagnosticContext | None] = ContextVar("current_context", default=None)
"""The context of the message that is being worked on; None outside of any."""


def _reduce(variable: ContextVar[Any]) -> str | tuple[Any, ...]:
    """Stand in for the dyes in code that is pickled by value: whoever reads it finds no dye, and needs no weaver.

    Errors: TypeError for every other variable, as if this function were not there.
    """
    if variable is not current_dyes:
        return variable.__reduce_ex__(4)
    return SimpleNamespace, (), {"get": partial(SimpleNamespace, **dict.fromkeys(SLOT_NAMES, False))}


copyreg.pickle(ContextVar, _reduce)


class _Inheritance:
    """How the runtime hands a context to tasks that are started by a message."""

    carry: Callable[[DiagnosticContext | None], None] | None = None
    find: Callable[[], DiagnosticContext | None] | None = None


_inheritance = _Inheritance()


def inherit_through(
    carry: Callable[[DiagnosticContext | None], None] | None, find: Callable[[], DiagnosticContext | None] | None
) -> None:
    """Have the runtime carry contexts: ``carry`` leaves one to the tasks started here, ``find`` looks for it."""
    _inheritance.carry, _inheritance.find = carry, find


class Tokens(NamedTuple):
    """What ``end`` needs."""

    dyes: Token[Dyes]
    context: Token[DiagnosticContext | None]


def begin(vector: int, facts: Mapping[str, object], payload: str | None = None) -> Tokens:
    """Set the context of a message."""
    context = DiagnosticContext(vector, facts, payload)
    tokens = Tokens(current_dyes.set(context.dyes), current_context.set(context))
    if _inheritance.carry is not None:
        _inheritance.carry(context)
    return tokens


def end(tokens: Tokens) -> None:
    """Reset to what was before; nothing of the message stays."""
    was_muted = current_dyes.get().is_muted
    current_context.reset(tokens.context)
    current_dyes.reset(tokens.dyes)
    if not was_muted:
        _wake()
    if _inheritance.carry is not None:
        _inheritance.carry(current_context.get())


def resolve() -> Dyes:
    """Return the dyes of this task; one that has none gets those it was started with or the empty vector, once."""
    dyes = current_dyes.get()
    if dyes is UNRESOLVED:
        context = None if _inheritance.find is None else _inheritance.find()
        dyes = SPACE.intern(0 if context is None else context.vector)
        current_dyes.set(dyes)
        if context is not None:
            current_context.set(context)
    return dyes


def mute() -> tuple[Dyes, Dyes]:
    """Keep every guard of this task shut until ``unmute``; return what that needs."""
    dyes = current_dyes.get()
    if dyes is UNRESOLVED:
        dyes = resolve()
    twin = dyes.muted
    current_dyes.set(twin)
    return dyes, twin


def unmute(muting: tuple[Dyes, Dyes]) -> None:
    """End what ``mute`` began; a context that began or ended meanwhile stays as it is."""
    before, twin = muting
    if current_dyes.get() is twin:
        current_dyes.set(before)
    else:
        _wake()


def mute_again(muting: tuple[Dyes, Dyes]) -> tuple[Dyes, Dyes]:
    """Mute the dyes of a context that began or ended while others were muted; return what ``unmute`` needs now."""
    if current_dyes.get() is muting[1]:
        return muting
    _wake()
    return mute()


def _wake() -> None:
    """Unmute what a context that began inside advice has left behind at its end."""
    now = current_dyes.get()
    if now.is_muted:
        current_dyes.set(SPACE.intern(now.vector))


def wanted_flags() -> int:
    """Return the flags that the mask of some enabled monitor names, as a vector; others need not be computed."""
    return SPACE.wanted


def context_id() -> str | None:
    """Return the id of the current context."""
    context = current_context.get()
    return None if context is None else context.id


def dye_vector() -> int:
    """Return the current dye vector."""
    return resolve().vector


def is_dyed_with(flag: str) -> bool:
    """Say whether a flag is set.

    Errors: UnknownNameError for a flag that does not exist.
    """
    mask_of((flag,))
    return bool(dye_vector() >> BITS[flag] & 1)


def payload() -> str | None:
    """Return the text that travels with the context."""
    context = current_context.get()
    return None if context is None else context.payload
