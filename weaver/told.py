"""What events say of a message: read from its context once, by the first event, and shared by the others."""

from __future__ import annotations

from typing import Any

from weaver import context
from weaver.dye import names_of
from weaver.redaction import Room, plain_parts

_COLUMNS = ("transaction_id", "user_id")
"""Facts with columns of their own."""


class Told:
    """What the events of one message have in common, as its facts and dyes are.

    Shape: ``payloads`` has, by phase, the payload of an action that says nothing; ``is_cut`` says that not all facts
    had room.
    """

    __slots__ = ("context_payload", "dyes", "facts", "id", "is_cut", "payloads", "transaction_id", "user_id", "vector")

    def __init__(self, found: context.DiagnosticContext | None) -> None:
        self.facts = None if found is None else found.facts
        self.id = None if found is None else found.id
        self.vector = 0 if found is None else found.vector
        self.dyes = list(names_of(self.vector))
        room = Room()
        said = {} if found is None else _said_of(found, room)
        self.is_cut = room.is_over
        cut = {"cut": True} if self.is_cut else {}
        self.payloads: dict[str, dict[str, Any]] = {
            phase: {"phase": phase, **cut, "dyes": self.dyes} for phase in ("before", "after")
        }
        self.transaction_id, self.user_id = (_text(said.pop(name, None)) for name in _COLUMNS)
        self.context_payload = said or None


def told() -> Told:
    """Return what events say of the present message; it is read again when its facts or dyes have changed."""
    found = context.current_context.get()
    if found is None:
        return _NOBODY
    known = found.told
    if isinstance(known, Told) and known.vector == found.vector and known.facts is found.facts:
        return known
    found.told = known = Told(found)
    return known


def _said_of(found: context.DiagnosticContext, room: Room) -> dict[str, Any]:
    return plain_parts(found.facts if found.payload is None else {**found.facts, "payload": found.payload}, room)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


_NOBODY = Told(None)
