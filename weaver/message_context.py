"""The context of one message, at the least cost: what nobody asks for is not made.

``begin_message`` sets one context variable for a message whose dyes no mask in use asks for, in a task that has no such
dyes either: all plain dyes mean the same to a guard, so the ones that are there stay. Otherwise both variables are set,
as ``context.begin`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any, ClassVar

from weaver.context import (
    NOTHING,
    UNDYED,
    DiagnosticContext,
    Tokens,
    current_context,
    current_dyes,
    end,
    joined,
    outer_context,
    redye,
    start,
)
from weaver.dye import SPACE, mask_of
from weaver.errors import UnknownNameError

Read = Callable[[Any, Any], Mapping[str, object]]
"""What a message is about, whom it belongs to -> its facts by name."""

_DEFAULTS: Mapping[str, object] = {"_id": "", "noted": NOTHING, "payload": None, "told": None}
_OWN = frozenset({"_id", "told"})
"""What a context never has from the one it began within."""


class MessageContext(DiagnosticContext):
    """The context of a message; what was not set yet is looked up when somebody asks.

    Shape: ``read(subject, owner)`` gives the facts; a kind of message has a class of its own (``message_kind``).
    """

    __slots__ = ("owner", "subject")

    __init__ = object.__init__  # what is set costs time for each message: that is done where one begins

    inherited_by = None
    owner: Any
    read: ClassVar[Read]
    subject: Any

    def __getattr__(self, name: str) -> Any:
        if name == "facts":
            own = type(self).read(self.subject, self.owner)
            found: Any = joined(self.noted, own) if self.noted else own
        elif name == "dyes":
            found = SPACE.intern(self.vector)
        else:
            root = None if name in _OWN else self._root
            found = _DEFAULTS[name] if root is None else getattr(root, name)
        setattr(self, name, found)
        return found


def message_kind(read: Read) -> type[MessageContext]:
    """Return the class of the contexts of messages whose facts are read so."""
    return type("MessageContext", (MessageContext,), {"__slots__": (), "read": staticmethod(read)})


_plain = SPACE.plain
_dyes = current_dyes.get
_get = current_context.get
_set = current_context.set
_reset = current_context.reset


def begin_message(kind: type[MessageContext], vector: int, subject: Any, owner: Any) -> object:
    """Set the context of a message; return what ``end_message`` needs."""
    context = kind()
    context.subject = subject
    context.owner = owner
    outer = _get()
    if outer is None:
        context._root = None
        context.carried = 0
    elif outer.inherited_by is None:
        context._root = outer._root or outer
        context.carried = carried = outer.carried
        vector |= carried
    else:
        return _begin_in_task(context, vector)
    context.vector = vector
    if vector in _plain and _dyes().is_plain:
        return _set(context)
    context.dyes = SPACE.intern(vector)
    return start(context)


def _begin_in_task(context: MessageContext, vector: int) -> Tokens:
    """Set the context of a message in a task that was handed one by whoever started it."""
    outer = outer_context()
    context._root = None if outer is None else outer._root or outer
    context.carried = 0 if outer is None else outer.carried
    context.vector = vector | context.carried
    context.dyes = SPACE.intern(context.vector)
    return start(context)


def end_message(token: Any, _outcome: object) -> None:
    """Reset to what was before; nothing of the message stays, nor of what was added to its dyes."""
    if token.__class__ is Token:
        _reset(token)
        dyes = _dyes()
        if dyes is not UNDYED and not dyes.is_muted:
            current_dyes.set(UNDYED)
    elif token is not None:
        end(token)


def add_dyes(vector: int) -> None:
    """Set dyes of the message that is being worked on, from here on until it is done."""
    context = _get()
    if context is not None and vector & context.vector != vector:
        redye(context, context.vector | vector)


CONNECTOR_DYES = ("CONNECTOR1", "CONNECTOR2", "CONNECTOR3", "CONNECTOR4")
"""The flags that connectors set."""


def set_connector_dye(flag: str, on: bool = True) -> None:
    """Set or clear one of CONNECTOR1 to CONNECTOR4 for this message; outside of any message nothing happens.

    Errors: UnknownNameError for any other flag.
    """
    if flag not in CONNECTOR_DYES:
        raise UnknownNameError(f"{flag!r} is no connector dye; these are: {', '.join(CONNECTOR_DYES)}")
    context, bit = _get(), mask_of((flag,))
    if context is not None:
        redye(context, context.vector | bit if on else context.vector & ~bit)
