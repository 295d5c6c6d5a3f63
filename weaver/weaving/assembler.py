"""Instructions and the exception table, from bytes and to bytes, for CPython 3.11 to 3.13.

Places are counted in code units, of two bytes each. All jumps are relative, so a run of instructions can be moved as it
is; what stands here is for those that have to change.

Source: CPython's Objects/exception_handling_notes.txt, Lib/opcode.py (numbers, inline caches).
"""

from __future__ import annotations

import dis
import importlib
import opcode
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

VERSION = sys.version_info[:2]
SUPPORTED = ((3, 11), (3, 12), (3, 13))

particular: Any = importlib.import_module(
    f"weaver.weaving.opcodes_{VERSION[0]}{VERSION[1] if VERSION in SUPPORTED else 13}"
)

OP = {name: code for name, code in opcode.opmap.items() if code < 256}
EXTENDED_ARG = OP["EXTENDED_ARG"]
RESUME = OP["RESUME"]
JUMPS = frozenset(code for code in dis.hasjrel if code < 256)
BACKWARD = frozenset(code for name, code in OP.items() if "BACKWARD" in name)
RETURNS = frozenset(OP[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in OP)


def _cache_sizes() -> list[int]:
    entries: Any = getattr(opcode, "_inline_cache_entries", [])
    if isinstance(entries, dict):
        return [entries.get(name, 0) for name in dis.opname[:256]]
    return list(entries)


CACHES = _cache_sizes()
"""Units of inline cache behind each operation."""


class Row(NamedTuple):
    """A row of the exception table: what is raised from ``start`` to before ``end`` goes to ``handler``.

    Shape: ``depth`` is what stays on the stack; ``lasti`` says whether the place of the raise is pushed upon it.
    """

    start: int
    end: int
    handler: int
    depth: int
    lasti: bool


@dataclass(slots=True)
class Instruction:
    """One instruction with its prefixes, from ``start`` to before ``end``; a jump has the place that it leads to."""

    start: int
    end: int
    op: int
    argument: int
    target: int | None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return dis.opname[self.op]


@lru_cache(maxsize=4096)
def instruction(name: str, argument: int = 0) -> bytes:
    """Return one instruction with the prefixes that its argument needs and empty inline caches."""
    return encoded(OP[name], argument)


def encoded(op: int, argument: int, least_prefixes: int = 0) -> bytes:
    """Return one instruction; one that is to stay as long as it was says how many prefixes it had."""
    prefixes = max(least_prefixes, prefixes_of(argument))
    high = b"".join(bytes((EXTENDED_ARG, argument >> 8 * n & 255)) for n in range(prefixes, 0, -1)) if prefixes else b""
    return high + bytes((op, argument & 255)) + bytes(2 * CACHES[op])


def prefixes_of(argument: int) -> int:
    """Return the number of EXTENDED_ARG that an argument needs."""
    return (argument.bit_length() - 1) // 8 if argument > 255 else 0


def decode(data: bytes) -> Iterator[Instruction]:
    """Take ``co_code`` apart."""
    at = start = extended = 0
    while at < len(data):
        op, argument = data[at], data[at + 1] | extended
        at += 2
        if op == EXTENDED_ARG:
            extended = argument << 8
            continue
        at += 2 * CACHES[op]
        yield Instruction(start >> 1, at >> 1, op, argument, jump_target(op, argument, at >> 1))
        start, extended = at, 0


def jump_target(op: int, argument: int, behind: int) -> int | None:
    """Return where an instruction leads that ends at ``behind``; None if it is no jump."""
    if op not in JUMPS:
        return None
    return behind - argument if op in BACKWARD else behind + argument


def exception_rows(code: CodeType) -> Iterator[Row]:
    """Return the rows of the exception table; they do not overlap, and the lowest comes first."""
    rest = iter(code.co_exceptiontable)
    for byte in rest:
        start = _number(byte, rest)
        length, handler, depth = (_number(next(rest), rest) for _ in range(3))
        yield Row(start, start + length, handler, depth >> 1, bool(depth & 1))


def _number(byte: int, rest: Iterator[int]) -> int:
    value = byte & 63
    while byte & 64:
        byte = next(rest)
        value = value << 6 | byte & 63
    return value


def exception_table(rows: Iterable[Row]) -> bytes:
    """Return the exception table; a row that covers nothing is left out."""
    out = bytearray()
    for start, end, handler, depth, lasti in rows:
        if start == end:
            continue
        at = len(out)
        for value in (start, end - start, handler, depth << 1 | lasti):
            for shift in range((value.bit_length() - 1) // 6 * 6, 0, -6):
                out.append(value >> shift & 63 | 64)
            out.append(value & 63)
        out[at] |= 128
    return bytes(out)
