"""Code objects as instructions that know their targets, and back: what rewriting in the middle of a body needs.

What is decoded and encoded without a change comes out byte for byte as it was. The ``bytecode`` library does the same
in general, but computes the exception table anew and loses a handler's stack depth in a few functions of a thousand.

Source: CPython's Objects/locations.md, Objects/exception_handling_notes.txt (formats).
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from weaver.weaving.assembler import BACKWARD, CACHES, EXTENDED_ARG, JUMPS, OP

Location = tuple[int, int, int, int] | None
"""Line, last line, column, last column; columns are -1 where there are none."""


class Instruction:
    """One instruction; a jump holds its target instruction."""

    __slots__ = ("argument", "location", "offset", "op", "target")

    def __init__(self, name: str | int, argument: int = 0, location: Location = None) -> None:
        self.op = OP[name] if isinstance(name, str) else name
        self.argument = argument
        self.location = location
        self.target: Instruction | None = None
        self.offset = 0

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
    data = code.co_code
    locations = list(_locations(code))
    instructions: list[Instruction] = []
    by_offset: dict[int, Instruction] = {}
    jumps: list[tuple[Instruction, int]] = []
    at = start = extended = 0
    while at < len(data):
        op, argument = data[at], data[at + 1] | extended
        if op == EXTENDED_ARG:
            extended = argument << 8
            at += 2
            continue
        instruction = Instruction(op, argument, locations[at >> 1])
        by_offset[start] = instruction
        instructions.append(instruction)
        at += 2 + 2 * CACHES[op]
        if op in JUMPS:
            jumps.append((instruction, at - 2 * argument if op in BACKWARD else at + 2 * argument))
        start, extended = at, 0
    end = Instruction("NOP")
    by_offset[len(data)] = end
    for instruction, offset in jumps:
        instruction.target = by_offset[offset]
    regions = [
        Region(by_offset[first], by_offset[last], by_offset[handler], depth, lasti)
        for first, last, handler, depth, lasti in _exceptions(code.co_exceptiontable)
    ]
    return Assembly(instructions, regions, end)


def encode(assembly: Assembly, code: CodeType, **changes: Any) -> CodeType:
    """Put a code object together; ``changes`` go to ``code.replace``."""
    prefixes = _lay_out(assembly)
    data = bytearray()
    units: list[tuple[Location, int]] = []
    for instruction, prefix in zip(assembly.instructions, prefixes, strict=True):
        argument = instruction.argument
        for shift in range(prefix, 0, -1):
            data += bytes((EXTENDED_ARG, argument >> 8 * shift & 255))
        caches = CACHES[instruction.op]
        data += bytes((instruction.op, argument & 255)) + bytes(2 * caches)
        units.append((instruction.location, 1 + prefix + caches))
    rows = [
        (r.start.offset, r.end.offset, r.handler.offset, r.depth, r.lasti)
        for r in assembly.regions
        if r.end.offset > r.start.offset
    ]
    return code.replace(
        co_code=bytes(data),
        co_linetable=_encode_locations(units, code.co_firstlineno),
        co_exceptiontable=b"".join(_encode_row(*row) for row in rows),
        **changes,
    )


def _lay_out(assembly: Assembly) -> list[int]:
    """Give every instruction its offset and every jump its distance; return the number of EXTENDED_ARG prefixes."""
    instructions = assembly.instructions
    prefixes = [_prefixes(i.argument) if i.target is None else 0 for i in instructions]
    while True:
        offset = 0
        for instruction, prefix in zip(instructions, prefixes, strict=True):
            instruction.offset = offset
            offset += 2 + 2 * prefix + 2 * CACHES[instruction.op]
        assembly.end.offset = offset
        grown = False
        for at, instruction in enumerate(instructions):
            if instruction.target is None:
                continue
            behind = instruction.offset + 2 + 2 * prefixes[at] + 2 * CACHES[instruction.op]
            distance = instruction.target.offset - behind
            instruction.argument = (-distance if instruction.op in BACKWARD else distance) >> 1
            if instruction.argument < 0:
                raise ValueError(f"{instruction.name} jumps the wrong way")
            needed = _prefixes(instruction.argument)
            if needed > prefixes[at]:
                prefixes[at], grown = needed, True
        if not grown:
            return prefixes


def _prefixes(argument: int) -> int:
    return (argument.bit_length() + 7) // 8 - 1 if argument > 255 else 0


def _locations(code: CodeType) -> Iterator[Location]:
    """Return the location of every code unit."""
    line = code.co_firstlineno
    table = iter(code.co_linetable)
    for head in table:
        kind, length = head >> 3 & 15, (head & 7) + 1
        location: Location
        if kind == 15:
            location = None
        elif kind == 14:
            line += _read_signed(table)
            last = line + _read(table)
            location = (line, last, _read(table) - 1, _read(table) - 1)
        elif kind == 13:
            line += _read_signed(table)
            location = (line, line, -1, -1)
        elif kind >= 10:
            line += kind - 10
            location = (line, line, next(table), next(table))
        else:
            second = next(table)
            column = kind << 3 | second >> 4
            location = (line, line, column, column + (second & 15))
        yield from (location,) * length


def _encode_locations(units: Iterable[tuple[Location, int]], line: int) -> bytes:
    """Return the location table; neighbours with one location share an entry, of at most eight units."""
    merged: list[tuple[Location, int]] = []
    for location, length in units:
        if merged and merged[-1][0] == location:
            merged[-1] = (location, merged[-1][1] + length)
        else:
            merged.append((location, length))
    out = bytearray()
    for location, length in merged:
        while length:
            part = min(length, 8)
            length -= part
            line = _encode_location(out, location, part, line)
    return bytes(out)


def _encode_location(out: bytearray, location: Location, length: int, line: int) -> int:
    def head(kind: int) -> int:
        return 0x80 | kind << 3 | length - 1

    if location is None:
        out.append(head(15))
        return line
    first, last, column, end = location
    delta = first - line
    if column < 0 or end < 0:
        out.append(head(13))
        out += _signed(delta)
    elif first == last and delta == 0 and column < 80 and 0 <= end - column < 16:
        out += bytes((head(column >> 3), (column & 7) << 4 | end - column))
    elif first == last and 0 <= delta <= 2 and column < 128 and end < 128:
        out += bytes((head(10 + delta), column, end))
    else:
        out.append(head(14))
        out += _signed(delta) + _unsigned(last - first) + _unsigned(column + 1) + _unsigned(end + 1)
    return first


def _read(table: Iterator[int]) -> int:
    byte = next(table)
    value, shift = byte & 63, 0
    while byte & 64:
        byte = next(table)
        shift += 6
        value |= (byte & 63) << shift
    return value


def _read_signed(table: Iterator[int]) -> int:
    value = _read(table)
    return -(value >> 1) if value & 1 else value >> 1


def _unsigned(value: int) -> bytes:
    out = bytearray()
    while value >= 64:
        out.append(64 | value & 63)
        value >>= 6
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    return _unsigned(-value << 1 | 1 if value < 0 else value << 1)


def _exceptions(table: bytes) -> Iterator[tuple[int, int, int, int, bool]]:
    """Return start, end, handler (byte offsets), stack depth and whether the offset of the raise is pushed."""
    rest = iter(table)

    def number() -> int:
        byte = next(rest)
        value = byte & 63
        while byte & 64:
            byte = next(rest)
            value = value << 6 | byte & 63
        return value

    while True:
        try:
            start = 2 * number()
        except StopIteration:
            return
        length, handler, depth = 2 * number(), 2 * number(), number()
        yield start, start + length, handler, depth >> 1, bool(depth & 1)


def _encode_row(start: int, end: int, handler: int, depth: int, lasti: bool) -> bytes:
    row = bytearray()
    for position, value in enumerate((start // 2, (end - start) // 2, handler // 2, depth << 1 | lasti)):
        digits = [value & 63]
        while value := value >> 6:
            digits.append(value & 63 | 64)
        digits.reverse()
        if position == 0:
            digits[0] |= 128
        row += bytes(digits)
    return bytes(row)


LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
JUMPS_ALWAYS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})


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
