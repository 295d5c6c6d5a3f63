"""What the name of a dye is worth in an event.

A flag has its bit for ever. A named dye has one while somebody holds it: before and after, and in the next run of the
program, the bit is another's. Which names an event's bits had, its own payload says: ``dyes``, by bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from weaver.columns import signed
from weaver.event import Event


class _Named(msgspec.Struct):
    dyes: list[str] = []


_decode = msgspec.json.Decoder(_Named).decode


def bit_in_event(event: Event, name: str) -> int:
    """Return the bit of a named dye in an event; for an event that has not the dye a bit that is not set there."""
    names = (event.payload or {}).get("dyes", ())
    return _bit(event.dyes, names if isinstance(names, list) else (), name)


def bit_in_row(payload: str | None, vector: int, name: str) -> int:
    """Return the same for a row of an archive; what nobody can read has no dye."""
    if payload is None or name not in payload:
        return _bit(vector, (), name)
    try:
        return _bit(vector, _decode(payload).dyes, name)
    except msgspec.DecodeError:
        return _bit(vector, (), name)


def _bit(vector: int, names: Sequence[object], name: str) -> int:
    left = vector
    for one in names:
        bit = left & -left
        if one == name and bit:
            return signed(bit)
        left ^= bit
    return signed(~vector & (vector + 1))
