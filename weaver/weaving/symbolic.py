"""Code objects as instructions that know their targets, and back: what rewriting in the middle of a body needs.

What is decoded and encoded without a change is what it was, but for prefixes and location entries that say nothing. The
``bytecode`` library does the same in general, but computes the exception table anew and loses a handler's stack depth
in a few functions of a thousand.

Source: CPython's Objects/locations.md (format).
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from weaver.weaving import assembler
from weaver.weaving.assembler import BACKWARD, CACHES, OP, Row, encoded, exception_rows, exception_table, prefixes_of

Location = tuple[int | None, int | None, int | None, int | None]
"""Line, last line, column, last column, as ``co_positions`` has them."""

LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
JUMPS_ALWAYS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})

_NOWHERE: Location = (None, None, None, None)


class Instruction:
    """One instruction; a jump holds its target instruction."""

    __slots__ = ("argument", "location", "op", "start", "target")

    def __init__(self, name: str | int, argument: int = 0, location: Location = _NOWHERE) -> None:
        self.op = OP[name] if isinstance(name, str) else name
        self.argument = argument
        self.location = location
        self.target: Instruction | None = None
        self.start = 0

    @property
    def name(self) -> str:
        """The name of the operation."""
        return dis.opname[self.op]

    def jump_to(self, target: Instruction) -> Instruction:
        """Set the target of a jump; return the instruction."""
        self.target = target
        return self

    def copy(self) -> Instruction:
        """Return a copy with the same target."""
        made = Instruction(self.op, self.argument, self.location)
        made.target = self.target
        return made


class Region:
    """A row of the exception table: from ``start`` to before ``end``, handled at ``handler``."""

    __slots__ = ("depth", "end", "handler", "lasti", "start")

    def __init__(self, start: Instruction, end: Instruction, handler: Instruction, depth: int, lasti: bool) -> None:
        self.start = start
        self.end = end
        self.handler = handler
        self.depth = depth
        self.lasti = lasti


class Assembly:
    """The instructions of one code object; ``end`` stands behind the last one."""

    def __init__(self, instructions: list[Instruction], regions: list[Region], end: Instruction) -> None:
        self.instructions = instructions
        self.regions = regions
        self.end = end


def decode(code: CodeType) -> Assembly:
    """Take a code object apart."""
    locations = list(code.co_positions())
    plain = list(assembler.decode(code.co_code))
    instructions = [Instruction(one.op, one.argument, locations[one.start]) for one in plain]
    end = Instruction("NOP")
    by_start = {one.start: made for one, made in zip(plain, instructions, strict=True)}
    by_start[len(code.co_code) >> 1] = end
    for one, made in zip(plain, instructions, strict=True):
        made.target = None if one.target is None else by_start[one.target]
    regions = [
        Region(by_start[row.start], by_start[row.end], by_start[row.handler], row.depth, row.lasti)
        for row in exception_rows(code)
    ]
    return Assembly(instructions, regions, end)


def encode(assembly: Assembly, code: CodeType, **changes: Any) -> CodeType:
    """Put a code object together; ``changes`` go to ``code.replace``.

    Errors: ValueError for a jump that leads the wrong way.
    """
    sizes = _lay_out(assembly)
    data = (encoded(one.op, one.argument, size - 1 - CACHES[one.op]) for one, size in sizes)
    rows = (Row(one.start.start, one.end.start, one.handler.start, one.depth, one.lasti) for one in assembly.regions)
    return code.replace(
        co_code=b"".join(data),
        co_linetable=_location_table(((one.location, size) for one, size in sizes), code.co_firstlineno),
        co_exceptiontable=exception_table(rows),
        **changes,
    )


def _lay_out(assembly: Assembly) -> list[tuple[Instruction, int]]:
    """Give every instruction its place and every jump its distance; return the size of each, in code units."""
    sizes = [
        (one, 1 + CACHES[one.op] + (prefixes_of(one.argument) if one.target is None else 0))
        for one in assembly.instructions
    ]
    while True:
        place = 0
        for one, size in sizes:
            one.start = place
            place += size
        assembly.end.start = place
        grown = False
        for at, (one, size) in enumerate(sizes):
            if one.target is None:
                continue
            distance = one.target.start - one.start - size
            one.argument = -distance if one.op in BACKWARD else distance
            if one.argument < 0:
                raise ValueError(f"{one.name} jumps the wrong way")
            needed = 1 + CACHES[one.op] + prefixes_of(one.argument)
            if needed > size:
                sizes[at], grown = (one, needed), True
        if not grown:
            return sizes


def depths(assembly: Assembly) -> dict[Instruction, int]:
    """Return the stack's depth before every instruction that can be reached."""
    instructions = assembly.instructions
    place = {instruction: at for at, instruction in enumerate(instructions)}
    found: dict[Instruction, int] = {}
    work = [(0, 0), *((place[r.handler], r.depth + r.lasti + 1) for r in assembly.regions)]
    while work:
        at, depth = work.pop()
        while at < len(instructions) and instructions[at] not in found:
            instruction = instructions[at]
            found[instruction] = depth
            if instruction.target is not None:
                jumped = depth + dis.stack_effect(instruction.op, instruction.argument, jump=True)
                work.append((place[instruction.target], jumped))
            if instruction.name in LEAVES or instruction.name in JUMPS_ALWAYS:
                break
            depth += effect(instruction)
            at += 1
    return found


def effect(instruction: Instruction) -> int:
    """Return by how much an instruction makes the stack grow when it does not jump."""
    if instruction.name == "RETURN_GENERATOR" and sys.version_info < (3, 13):
        return 1  # dis does not count the value that is sent into the generator
    argument = instruction.argument if instruction.op >= dis.HAVE_ARGUMENT else None
    return dis.stack_effect(instruction.op, argument, jump=False)


def _location_table(units: Iterable[tuple[Location, int]], line: int) -> bytes:
    """Return the location table; neighbours with one location share an entry, of at most eight units."""
    merged: list[tuple[Location, int]] = []
    for location, length in units:
        if merged and merged[-1][0] == location:
            merged[-1] = (location, merged[-1][1] + length)
        else:
            merged.append((location, length))
    out = bytearray()
    for location, length in merged:
        for part in _parts(length):
            out += _entry(location, part, line)
            line = line if location[0] is None else location[0]
    return bytes(out)


def _parts(length: int) -> Iterator[int]:
    while length > 0:
        yield min(length, 8)
        length -= 8


def _entry(location: Location, length: int, line: int) -> bytes:
    """Return one entry, in the long form where a location has columns."""
    first, last, column, end = location
    if first is None:
        return bytes((0x80 | 15 << 3 | length - 1,))
    if column is None or end is None:
        return bytes((0x80 | 13 << 3 | length - 1,)) + _signed(first - line)
    numbers = _unsigned((last or first) - first) + _unsigned(column + 1) + _unsigned(end + 1)
    return bytes((0x80 | 14 << 3 | length - 1,)) + _signed(first - line) + numbers


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value >= 64:
        out.append(64 | value & 63)
        value >>= 6
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    return _unsigned(-value << 1 | 1 if value < 0 else value << 1)
