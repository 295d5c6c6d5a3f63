"""A call: everything known of it, as named sections of plain data.

The engine owns the section ``transactions``; the container adds its own; a section that nobody here knows is kept and
written back byte for byte. A section is decoded when somebody asks for it. What stands beside the sections (what is to
be sent, what waits for the next application) lives for one turn and is never stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import cache
from math import inf
from typing import TYPE_CHECKING, NewType, TypeVar

import msgspec

from server.sip.message import Request, Response
from server.sip.transaction import Transaction
from server.transport.flow import Flow

if TYPE_CHECKING:
    from server.engine.engine import Engine
    from server.engine.outbound import OutboundEntry

CallKey = NewType("CallKey", str)
"""Twenty lower-case hexadecimal digits; stands in every tag and branch that we mint."""

SCHEMA = 1
S = TypeVar("S", bound=msgspec.Struct)

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE_ENVELOPE = msgspec.msgpack.Decoder(tuple[int, str, dict[str, msgspec.Raw]]).decode


class TransactionRecord(msgspec.Struct, array_like=True):
    """A transaction, the flow it runs over, and the id of the SIP session it belongs to.

    Shape: ``others`` are the flows that a client transaction tries when this one fails, ``attempt`` counts those that
    have failed.
    """

    transaction: Transaction
    flow: Flow
    session: str = ""
    others: tuple[Flow, ...] = ()
    attempt: int = 0


class Transactions(msgspec.Struct, array_like=True):
    """The section ``transactions``: client and server transactions by their key."""

    clients: dict[str, TransactionRecord] = {}
    servers: dict[str, TransactionRecord] = {}


WORK_CLASSES = {"timer": "timer", "action": "http"}
"""Kind of an item -> the work class that it is done in, for all others ``sip``."""


class Item(msgspec.Struct):
    """One thing to do for a call.

    Shape: ``kind`` is ``message`` (``message`` came over ``flow``), ``timer`` (look at the deadlines), ``action``
    (``action(call)`` for an HTTP servlet), ``failure`` (``flow`` failed, ``reason`` says how; ``branch``
    is that of the request that was lost, empty when it may be any) or ``resolved`` (the
    unresolved ``flow`` of our own ``message`` has the ``targets``). ``position`` is the place in the application chain
    behind the application that sent the message, 0 for one from outside. ``context`` is that of the item which this one
    comes of, if it comes of one; a timer has none, it may be due on another engine. ``begins`` says that a message may
    begin a call that the state tier does not know; an action always may.
    """

    kind: str
    message: Request | Response | None = None
    flow: Flow | None = None
    action: Callable[[Call], None] | None = None
    reason: str = ""
    position: int = 0
    branch: str = ""
    targets: tuple[Flow, ...] = ()
    context: Context | None = None
    begins: bool = False

    @property
    def work_class(self) -> str:
        """The name of the work class."""
        return WORK_CLASSES.get(self.kind, "sip")


class Call:
    """The sections of one call, checked out, and what this turn has made so far.

    Shape: ``transactions`` is the section of that name; ``due`` is the earliest deadline as of the last check-in, minus
    infinity while that is not known; ``is_changed`` says whether this turn has left anything to be stored.
    """

    __slots__ = (
        "_raw",
        "_sections",
        "due",
        "engine",
        "inbox",
        "is_changed",
        "key",
        "outbox",
        "parsed",
        "stored",
        "transactions",
    )

    def __init__(self, key: CallKey, engine: Engine, raw: dict[str, msgspec.Raw] | None = None) -> None:
        self.key = key
        self.engine = engine
        self.due = inf if raw is None else -inf
        self.is_changed = False
        self.outbox: list[OutboundEntry] = []
        self.inbox: deque[Item] = deque()
        self.stored: list[Callable[[Exception | None], None]] = []
        self.parsed: dict[str, Request] = {}
        self._raw = raw or {}
        self._sections: dict[str, msgspec.Struct] = {}
        self.transactions = self.section("transactions", Transactions)

    def section(self, name: str, kind: type[S]) -> S:
        """Return a section, decoded, or a new empty one.

        Errors: msgspec.ValidationError when the stored bytes are not of that kind.
        """
        found = self._sections.get(name)
        if found is None:
            raw = self._raw.pop(name, None)
            found = kind() if raw is None else _decoder(kind)(raw)
            self._sections[name] = found
        return found  # type: ignore[return-value]

    def holds(self, name: str) -> bool:
        """Say whether the call has a section, without making or decoding it."""
        return name in self._sections or name in self._raw

    def holds_any(self, names: frozenset[str]) -> bool:
        """Say whether the call has one of these sections, without making or decoding it."""
        return not (names.isdisjoint(self._sections) and names.isdisjoint(self._raw))

    def encode(self) -> bytes:
        """Return the call state.

        Shape: msgpack of ``[schema, key, {section name: section}]``.
        """
        return _ENCODE((SCHEMA, self.key, {**self._raw, **self._sections}))


@cache
def _decoder(kind: type[S]) -> Callable[[bytes | msgspec.Raw], S]:
    return msgspec.msgpack.Decoder(kind).decode


def decode_call(state: bytes, engine: Engine) -> Call:
    """Return the call of an encoded state.

    Errors: msgspec.DecodeError when it is none of ours.
    """
    _, key, raw = _DECODE_ENVELOPE(state)
    return Call(CallKey(key), engine, raw)


def peek_section(state: bytes, name: str, kind: type[S]) -> S:
    """Return one section of an encoded state, to read only; an empty one if it has none."""
    raw = _DECODE_ENVELOPE(state)[2].get(name)
    return kind() if raw is None else _decoder(kind)(raw)
