"""The location table of a code object, taken apart and put together entry by entry.

An entry begins with the one byte in it that is 128 or more, and gives one location to as many as eight code units. Only
its line depends on the entry before it; so entries can be moved as they are, once the line before them is right.

Source: CPython's Objects/locations.md.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import CodeType

_ENTRY = re.compile(rb"[\x80-\xff][\x00-\x7f]*")

_NEXT_LINE, _NO_COLUMNS, _LONG, _NOWHERE = 10, 13, 14, 15
"""Kinds of entries: those below 10 stay on the line and 10 to 12 go on by 0 to 2 lines; both have columns."""


@dataclass(frozen=True, slots=True)
class Locations:
    """The entries of a code object's head and those of its body.

    Shape: ``head_line`` and ``last`` are the lines at the end of the two, ``first`` that of the first place in the body
    that has one, or None. The entry of that place is on the line of the entry before it, so ``first`` has to be set.
    """

    head: bytes
    head_line: int
    body: tuple[bytes, ...]
    first: int | None
    last: int


def split(code: CodeType, start: int) -> Locations:
    """Take the location table apart before the unit ``start``."""
    entries = _ENTRY.findall(code.co_linetable)
    line, units, at = code.co_firstlineno, 0, 0
    head: list[bytes] = []
    while units < start:
        entry = entries[at]
        line += _lines(entry)
        length = _length(entry)
        if units + length > start:
            entries[at : at + 1] = _resized(entry, start - units), again(entry, units + length - start)
        head.append(entries[at])
        units, at = units + length, at + 1
    body = entries[at:]
    for place, entry in enumerate(body):
        if _kind(entry) != _NOWHERE:
            first = line + _lines(entry)
            body[place] = again(entry, _length(entry))
            last = next(found for *_, found in reversed(list(code.co_lines())) if found is not None)
            return Locations(b"".join(head), line, tuple(body), first, last)
    return Locations(b"".join(head), line, tuple(body), None, line)


def stretched(body: Sequence[bytes], growth: Iterable[tuple[int, int]]) -> bytes:
    """Return the entries of a body in which something has grown.

    Shape: ``growth`` has pairs of unit and number of units, the lowest unit first; the new units get its location.
    """
    ends = list(accumulate(map(_length, body)))
    out: list[bytes] = []
    at = 0
    for unit, more in growth:
        grown = bisect_right(ends, unit)
        out += body[at : grown + 1]
        out.append(again(body[grown], more))
        at = grown + 1
    return b"".join((*out, *body[at:]))


def on_line(line: int | None, before: int, units: int) -> bytes:
    """Return the entries of units that stand on a line, or nowhere, without columns; ``before`` is the line so far."""
    if line is None:
        return again(bytes((0x80 | _NOWHERE << 3,)), units)
    delta = line - before
    value = -delta << 1 | 1 if delta < 0 else delta << 1
    number = bytearray()
    while value >= 64:
        number.append(64 | value & 63)
        value >>= 6
    entry = bytes((0x80 | _NO_COLUMNS << 3, *number, value))
    return entry + again(entry, units - 1)


def again(entry: bytes, units: int) -> bytes:
    """Return entries with the location of this one, for the line of the entry before them."""
    kind, rest = _kind(entry), entry[1:]
    if kind in {_NO_COLUMNS, _LONG}:
        at = 0
        while rest[at] & 64:
            at += 1
        rest = b"\0" + rest[at + 1 :]
    elif _NEXT_LINE <= kind < _NO_COLUMNS:
        kind = _NEXT_LINE
    full, part = divmod(units, 8)
    whole = (bytes((0x80 | kind << 3 | 7,)) + rest) * full
    return whole + bytes((0x80 | kind << 3 | part - 1,)) + rest if part else whole


def _resized(entry: bytes, units: int) -> bytes:
    return bytes((entry[0] & ~7 | units - 1,)) + entry[1:]


def _kind(entry: bytes) -> int:
    return entry[0] >> 3 & 15


def _length(entry: bytes) -> int:
    return (entry[0] & 7) + 1


def _lines(entry: bytes) -> int:
    """Return how many lines an entry goes on."""
    kind = _kind(entry)
    if kind not in {_NO_COLUMNS, _LONG}:
        return kind - _NEXT_LINE if _NEXT_LINE <= kind < _NO_COLUMNS else 0
    value, shift, at = entry[1] & 63, 0, 1
    while entry[at] & 64:
        at, shift = at + 1, shift + 6
        value |= (entry[at] & 63) << shift
    return -(value >> 1) if value & 1 else value >> 1
