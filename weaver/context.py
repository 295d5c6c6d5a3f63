"""The diagnostic context: id, dye vector, payload and facts that travel with one message.

Two context variables: the interned dyes, which guards read, and the context itself, which only the slow path reads.
Both are reset by token when the message is done.

What begins within a context is of the same request: it shares the id and the payload, and has the dyes that travel
(``carried``: application dyes, and those that another node sent along) beside its own. A task that a message starts
gets its context (``hand_down``, which the runtime calls); one that then begins messages of its own is a worker that
belongs to nobody, and keeps nothing of whoever started it. A timer belongs to no message: what it does begins afresh.
"""

from __future__ import annotations

import copyreg
from collections import ChainMap
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar, Token
from functools import partial
from itertools import count
from secrets import token_hex
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple, ParamSpec, TypeVar

from weaver.dye import BITS, FLAGS, SLOT_NAMES, SPACE, Dyes, mask_of
from weaver.errors import UnknownNameError

P = ParamSpec("P")
R = TypeVar("R")

APPLICATION_DYES = tuple(f"DYE_{number}" for number in range(8))
"""The flags that a program may set itself."""

PAYLOAD_LIMIT = 256
"""Characters of a payload; what is longer is cut."""

NOTHING: Mapping[str, str] = MappingProxyType({})

_PREFIX = token_hex(8)
_serial = count(1)

UNDYED = SPACE.intern(0)

current_dyes: ContextVar[Dyes] = ContextVar("current_dyes", default=UNDYED)


class DiagnosticContext:
    """What is known of the message that is being worked on.

    Shape: ``facts`` holds ``call_key``, ``method``, ``status``, ``call_id`` and the like, as plain values. What begins
    within has the dyes ``carried`` and the facts ``noted``, too. ``inherited_by`` says in a task that was handed the
    context whether it is that task that runs; it is None where the context began.
    """

    __slots__ = ("_id", "_root", "carried", "dyes", "facts", "inherited_by", "noted", "payload", "told", "vector")

    def __init__(
        self,
        vector: int,
        facts: Mapping[str, object],
        payload: str | None = None,
        within: DiagnosticContext | None = None,
    ) -> None:
        self.told: object = None  # what events say of it, for whoever emits the first
        self._id = ""
        self._root: DiagnosticContext | None = None if within is None else within._root or within
        self.inherited_by: Callable[[], bool] | None = None
        if within is None:
            self.carried = 0
            self.facts = facts
            self.noted = NOTHING
            self.payload = payload
        else:
            self.carried = within.carried
            self.noted = within.noted
            self.facts = joined(self.noted, facts) if self.noted else facts
            self.payload = within.payload if payload is None else payload
            vector |= self.carried
        self.vector = vector
        self.dyes = SPACE.intern(vector)  # held: the gates stay open for tasks that inherit this context later

    @property
    def id(self) -> str:
        """The context id: unique, made when somebody asks; 32 hexadecimal digits with a dash in the middle."""
        root = self._root or self
        if not root._id:
            root._id = f"{_PREFIX}-{next(_serial):016x}"
        return root._id

    def note(self, **facts: str) -> None:
        """Add facts that what begins within this context knows too."""
        self.noted = {**self.noted, **facts}
        self.facts = joined(facts, self.facts)

    def handed_down(self, inherited_by: Callable[[], bool]) -> DiagnosticContext:
        """Return this context for a task that it starts."""
        twin = DiagnosticContext(self.vector, self.facts, None, self)
        twin.facts = self.facts
        twin.inherited_by = inherited_by
        return twin

    def take_over(self, identity: str) -> None:
        """Be part of what another node has begun under an id."""
        self._root = None
        self._id = identity


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


def joined(first: Mapping[str, object], facts: Mapping[str, object]) -> Mapping[str, object]:
    """Return facts of which the first come first, without reading the others now."""
    return ChainMap(dict(first), facts)  # type: ignore[arg-type]


class Tokens(NamedTuple):
    """What ``end`` needs."""

    dyes: Token[Dyes]
    context: Token[DiagnosticContext | None]


def begin(vector: int, facts: Mapping[str, object], payload: str | None = None) -> Tokens:
    """Set the context of a message; within another it is part of the same request."""
    return start(DiagnosticContext(vector, facts, payload, outer_context()))


def outer_context() -> DiagnosticContext | None:
    """Return the context that one which begins now is part of."""
    outer = current_context.get()
    if outer is not None and outer.inherited_by is not None and outer.inherited_by():
        return None
    return outer


def start(context: DiagnosticContext) -> Tokens:
    """Set a context that was made; return what ``end`` needs."""
    return Tokens(current_dyes.set(context.dyes), current_context.set(context))


def end(tokens: Tokens) -> None:
    """Reset to what was before; nothing of the message stays."""
    was_muted = current_dyes.get().is_muted
    current_context.reset(tokens.context)
    current_dyes.reset(tokens.dyes)
    outer = current_context.get()
    if outer is not None and outer.inherited_by is not None and outer.inherited_by():
        current_context.set(None)
        _set_dyes(UNDYED)
    if not was_muted:
        _wake()


def hand_down(inherited_by: Callable[[], bool]) -> Context | None:
    """Return the context variables of a task that is started here; None outside of any message, or inside advice."""
    found = current_context.get()
    if found is None:
        return None
    variables = Context()
    variables.run(current_context.set, found.handed_down(inherited_by))
    variables.run(current_dyes.set, current_dyes.get())
    return variables


def following(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs in the present context wherever it is called, as in a thread of a pool."""
    found = current_context.get()
    return function if found is None else partial(_run_in, found, current_dyes.get(), function)


def _run_in(context: DiagnosticContext, dyes: Dyes, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    tokens = Tokens(current_dyes.set(dyes), current_context.set(context))
    try:
        return function(*args, **kwargs)
    finally:
        current_context.reset(tokens.context)
        current_dyes.reset(tokens.dyes)


def mute() -> tuple[Dyes, Dyes]:
    """Keep every guard of this task shut until ``unmute``; return what that needs."""
    dyes = current_dyes.get()
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
    """Return the flags that somebody asks for, as a vector; others need not be computed."""
    return SPACE.wanted | SPACE.always_wanted


def follow_wanted(tell: Callable[[], None]) -> None:
    """Have a method called whenever other flags are wanted, for as long as its object lives."""
    SPACE.follow_wanted(tell)


def context_id() -> str | None:
    """Return the id of the current context."""
    context = current_context.get()
    return None if context is None else context.id


def dye_vector() -> int:
    """Return the current dye vector."""
    context = current_context.get()
    return 0 if context is None else context.vector


def dye_flag_names() -> tuple[str, ...]:
    """Return the names of all dye flags."""
    return FLAGS


def is_dyed_with(flag: str) -> bool:
    """Say whether a flag is set.

    Errors: UnknownNameError for a flag that does not exist.
    """
    mask_of((flag,))
    return bool(dye_vector() >> BITS[flag] & 1)


def set_application_dye(flag: str, on: bool = True) -> None:
    """Set or clear one of DYE_0 to DYE_7 for this message: from the next joinpoint on, and for what it sends.

    Outside of any message nothing happens. Tasks that the message has started before keep the dyes they have.
    Errors: UnknownNameError for any other flag.
    """
    if flag not in APPLICATION_DYES:
        raise UnknownNameError(f"{flag!r} is no application dye; these are: {', '.join(APPLICATION_DYES)}")
    context = current_context.get()
    if context is None:
        return
    bit = 1 << BITS[flag]
    context.carried = context.carried | bit if on else context.carried & ~bit
    redye(context, context.vector | bit if on else context.vector & ~bit)


def take_over(identity: str, vector: int, payload: str | None, **noted: str) -> None:
    """Make the current context part of what another node has begun: its id, dyes and payload.

    Shape: ``noted`` are facts that say where it came from.
    """
    context = current_context.get()
    if context is None:
        return
    context.take_over(identity)
    context.note(**noted)
    context.payload = payload if payload is None else payload[:PAYLOAD_LIMIT]
    context.carried |= vector
    redye(context, context.vector | vector)


def payload() -> str | None:
    """Return the text that travels with the context."""
    context = current_context.get()
    return None if context is None else context.payload


def set_payload(text: str | None) -> None:
    """Set the text that travels with the context, at most 256 characters of it; outside of any nothing happens."""
    context = current_context.get()
    if context is not None:
        context.payload = None if text is None else str(text)[:PAYLOAD_LIMIT]


def redye(context: DiagnosticContext, vector: int) -> None:
    """Give the current context other dyes, which count from the next joinpoint on."""
    context.vector = vector
    context.dyes = SPACE.intern(vector)
    _set_dyes(context.dyes)


def _set_dyes(dyes: Dyes) -> None:
    """Set the dyes; while advice runs they stay muted."""
    current_dyes.set(dyes.muted if current_dyes.get().is_muted else dyes)
