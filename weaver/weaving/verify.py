"""A static check of a code object: the stack's depth at every instruction, against exception table and stack size.

A wrong depth in the exception table does not fail at once; it makes the interpreter read garbage when the exception
comes. For tests, not for the running program.
"""

from __future__ import annotations

import dis
import sys
from functools import lru_cache
from types import CodeType

from weaver.weaving.assembler import OP, Instruction, Row, decode, exception_rows


def _numbers(*names: str) -> frozenset[int]:
    return frozenset(OP[name] for name in names if name in OP)


LEAVES = _numbers("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT")
JUMPS_ALWAYS = _numbers("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
RETURN_GENERATOR = OP["RETURN_GENERATOR"]


def verify(code: CodeType) -> list[str]:
    """Return what is wrong with a code object, nothing when it is sound."""
    check = _Check(code)
    check.run()
    if check.deepest > code.co_stacksize:
        check.faults.append(f"the stack grows to {check.deepest}, co_stacksize is {code.co_stacksize}")
    return check.faults


class _Check:
    """Follows every way through a code object."""

    def __init__(self, code: CodeType) -> None:
        self.faults: list[str] = []
        self.deepest = 0
        self._instructions = {i.start: i for i in decode(code.co_code)}
        self._handlers: list[Row | None] = [None] * (len(code.co_code) // 2)
        for row in exception_rows(code):
            self._handlers[row.start : row.end] = [row] * (row.end - row.start)
        self._depths: dict[int, int] = {}
        self._ways = [(0, 0)]

    def run(self) -> None:
        """Follow the ways from the start, and those that are found, until all are known."""
        instructions, depths = self._instructions, self._depths
        while self._ways:
            at, depth = self._ways.pop()
            known = depths.get(at)
            if known is not None:
                if known != depth:
                    self._fault(at, f"depth {known} or {depth}")
            elif at not in instructions:
                self.faults.append(f"a way leads to {at}, where no instruction starts")
            else:
                depths[at] = depth
                self._step(instructions[at], depth)

    def _step(self, instruction: Instruction, depth: int) -> None:
        op, end, target = instruction.op, instruction.end, instruction.target
        leaves = op in LEAVES
        grows, grows_jumping = effects(op, instruction.argument if target is None else 1)
        after = depth + grows
        low, high = (after, depth) if grows < 0 else (depth, after)
        if low < 0:
            self._fault(instruction.start, f"depth {depth} to {after}")
        self.deepest = max(self.deepest, high)
        row = self._handlers[end - 1]
        if row is not None:
            low = depth if leaves else low
            if low < row.depth:
                self._fault(instruction.start, f"depth {low} under a handler of depth {row.depth}")
            self._ways.append((row.handler, row.depth + row.lasti + 1))
        if target is not None:
            self.deepest = max(self.deepest, depth + grows_jumping)
            self._ways.append((target, depth + grows_jumping))
        if not leaves and op not in JUMPS_ALWAYS:
            self._ways.append((end, after))

    def _fault(self, at: int, words: str) -> None:
        self.faults.append(f"{at} {self._instructions[at].name}: {words}")


@lru_cache(maxsize=65_536)
def effects(op: int, argument: int) -> tuple[int, int]:
    """Return by how much an instruction makes the stack grow when it does not jump, and when it does."""
    if op == RETURN_GENERATOR and sys.version_info < (3, 13):
        return 1, 1  # dis does not count the value that is sent into the generator
    given = argument if op >= dis.HAVE_ARGUMENT else None
    return dis.stack_effect(op, given, jump=False), dis.stack_effect(op, given, jump=True)
