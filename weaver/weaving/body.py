"""The copy of a function's body in which every return goes through the exit of the advice.

The copy is the body byte for byte, but for the returns, for jumps across them, and for what tells the interpreter how
many handlers lie around.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from weaver.weaving.assembler import (
    CACHES,
    EXTENDED_ARG,
    JUMPS,
    OP,
    RETURNS,
    Row,
    encoded,
    instruction,
    jump_target,
    particular,
    prefixes_of,
)

RETURN_VALUE = OP["RETURN_VALUE"]
UNDER_ONE_MORE_HANDLER = {OP[name]: change for name, change in particular.UNDER_ONE_MORE_HANDLER.items()}
_CHANGED = re.compile(b"[" + re.escape(bytes(sorted(JUMPS | RETURNS | UNDER_ONE_MORE_HANDLER.keys()))) + b"]")
"""Finds what may change, among the operations of a body; inline caches are zeros there, which are none of them."""

EXIT = b"".join([instruction("NOP"), *(instruction(name, 2) for name in particular.CALL), instruction("RETURN_VALUE")])
"""``exit(token, value)`` and the return; both callee and token lie at the bottom of the stack.

The NOP: CPython 3.13 looks the handler of an exception up at the unit before the call, which takes the bottom of the
stack away, so nothing that expects it may cover that unit.
"""
EXIT_UNITS = len(EXIT) // 2

BELOW = 3
"""What lies on the stack below the copy's own values: exit, NULL and token."""


class _Site(NamedTuple):
    """An instruction that may change; its first prefix is at ``start``, its operation at ``unit``."""

    start: int
    unit: int
    op: int
    argument: int


class Growth:
    """How places move when something grows.

    Shape: ``pairs`` are the places where something grows and by how many units, the lowest place first.
    """

    def __init__(self, amounts: Mapping[int, int]) -> None:
        self.pairs = tuple(sorted(amounts.items()))
        self._places = [place for place, _ in self.pairs]
        self._sums = [0, *accumulate(amount for _, amount in self.pairs)]

    def moved(self, place: int) -> int:
        """Return where an instruction is now; what grows at its own place grows behind its start."""
        return place + self._sums[bisect_left(self._places, place)]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied body; ``exits`` are the places in it where the returns now stand."""

    data: bytes
    growth: Growth
    exits: tuple[int, ...]


def copied(body: bytes) -> Copy:
    """Copy a body."""
    sites = list(_sites(body))
    returns = {s.unit: EXIT_UNITS - (s.op == RETURN_VALUE) for s in sites if s.op in RETURNS}
    jumps = [(s, s.unit + 1 + CACHES[s.op]) for s in sites if s.op in JUMPS]
    growth, distances = _settled(returns, jumps)
    out: list[bytes] = []
    at = 0
    for site in sites:
        out.append(body[at : 2 * site.start])
        out.append(_changed(site, distances))
        at = 2 * (site.unit + 1 + CACHES[site.op])
    out.append(body[at:])
    # the load of a constant stands where its return stood, the exit behind it
    exits = tuple(growth.moved(s.unit) + (s.op != RETURN_VALUE) for s in sites if s.op in RETURNS)
    return Copy(b"".join(out), growth, exits)


def _sites(body: bytes) -> Iterator[_Site]:
    for found in _CHANGED.finditer(body[::2]):
        unit = start = found.start()
        argument, shift = body[2 * unit + 1], 8
        while start and body[2 * start - 2] == EXTENDED_ARG:
            start -= 1
            argument |= body[2 * start + 1] << shift
            shift += 8
        yield _Site(start, unit, body[2 * unit], argument)


def _settled(returns: dict[int, int], jumps: Sequence[tuple[_Site, int]]) -> tuple[Growth, dict[int, int]]:
    """Return how places move and how far each jump goes then; a jump that goes farther may need prefixes itself."""
    amounts = dict(returns)
    while True:
        growth = Growth(amounts)
        distances: dict[int, int] = {}
        for site, behind in jumps:
            target = jump_target(site.op, site.argument, behind)
            assert target is not None
            distances[site.unit] = abs(growth.moved(target) - growth.moved(behind))
        longer = {s.start: prefixes_of(distances[s.unit]) - s.unit + s.start for s, _ in jumps}
        grown = {start: more for start, more in longer.items() if more > amounts.get(start, 0)}
        if not grown:
            return growth, distances
        amounts |= grown


def _changed(site: _Site, distances: dict[int, int]) -> bytes:
    prefixes = site.unit - site.start
    if site.op in JUMPS:
        return encoded(site.op, distances[site.unit], prefixes)
    if site.op in UNDER_ONE_MORE_HANDLER:
        return encoded(site.op, UNDER_ONE_MORE_HANDLER[site.op](site.argument), prefixes)
    return EXIT if site.op == RETURN_VALUE else encoded(OP["LOAD_CONST"], site.argument, prefixes) + EXIT


def regions(copy: Copy, rows: Sequence[Row], handler: int) -> Iterator[Row]:
    """Return the copy's rows of the exception table: those of the body, and the advice's handler everywhere else.

    Shape: ``rows`` are those of the body, by places in it; places in the copy come out, also that of the ``handler``
    at its end. What takes the bottom of the stack away is not covered.
    """
    exits = iter(copy.exits)
    exit_at = next(exits, handler)
    for row in _without_gaps(copy.growth, rows, handler):
        while exit_at < row.end:
            yield row._replace(end=exit_at)
            row = row._replace(start=exit_at + EXIT_UNITS)
            exit_at = next(exits, handler)
        yield row


def _without_gaps(growth: Growth, rows: Sequence[Row], handler: int) -> Iterator[Row]:
    at = 0
    for row in rows:
        start, end = growth.moved(row.start), growth.moved(row.end)
        yield Row(at, start, handler, BELOW, True)
        yield Row(start, end, growth.moved(row.handler), row.depth + BELOW, row.lasti)
        at = end
    yield Row(at, handler, handler, BELOW, True)
