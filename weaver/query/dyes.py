"""What the name of a dye is worth in an event.

A flag has its bit for ever. A named dye has one while somebody holds it: before and after, and in the next run of the
program, the bit is another's. Which names an event's bits had, its own payload says: ``dyes``, by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from weaver.columns import from_row, to_row
from weaver.event import Event


class _Named(msgspec.Struct):
    dyes: list[str] = []


_decode = msgspec.json.Decoder(_Named).decode


def bit_in_event(event: Event, name: str) -> int:
    """Return the bit of a named dye in an event; for an event that has not the dye a bit that is not set there."""
    names = (event.payload or {}).get("dyes", ())
    return _bit(event.dyes, names if isinstance(names, list) else (), name)


def bit_in_row(payload: str | None, vector: int | bytes, name: str) -> int | bytes:
    """Return the same of a row of an archive, for one; what nobody can read has no dye."""
    names: Sequence[object] = ()
    if payload is not None and name in payload:
        with suppress(msgspec.DecodeError):
            names = _decode(payload).dyes
    return to_row(_bit(from_row(vector), names, name))


def _bit(vector: int, names: Sequence[object], name: str) -> int:
    left = vector
    for one in names:
        bit = left & -left
        if one == name and bit:
            return bit
        left ^= bit
    return ~vector & (vector + 1)
