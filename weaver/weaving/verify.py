"""A static check of a code object: the stack's depth at every instruction, against exception table and stack size.

A wrong depth in the exception table does not fail at once; it makes the interpreter read garbage when the exception
comes. For tests, not for the running program.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType

from weaver.weaving.assembler import Instruction, decode, exception_rows

LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
JUMPS_ALWAYS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})


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
        self._handlers = {unit: row for row in exception_rows(code) for unit in range(row.start, row.end)}
        self._depths: dict[int, int] = {}
        self._ways = [(0, 0)]

    def run(self) -> None:
        """Follow the ways from the start, and those that are found, until all are known."""
        while self._ways:
            at, depth = self._ways.pop()
            known = self._depths.get(at)
            if known is not None:
                if known != depth:
                    self._fault(at, f"depth {known} or {depth}")
            elif at not in self._instructions:
                self.faults.append(f"a way leads to {at}, where no instruction starts")
            else:
                self._depths[at] = depth
                self._step(self._instructions[at], depth)

    def _step(self, instruction: Instruction, depth: int) -> None:
        name, leaves = instruction.name, instruction.name in LEAVES
        after = _after(instruction, depth)
        if min(depth, after) < 0:
            self._fault(instruction.start, f"depth {depth} to {after}")
        row = self._handlers.get(instruction.end - 1)
        if row is not None:
            low = depth if leaves else min(depth, after)
            if low < row.depth:
                self._fault(instruction.start, f"depth {low} under a handler of depth {row.depth}")
            self._ways.append((row.handler, row.depth + row.lasti + 1))
        if instruction.target is not None:
            jumped = depth + dis.stack_effect(instruction.op, instruction.argument, jump=True)
            self.deepest = max(self.deepest, jumped)
            self._ways.append((instruction.target, jumped))
        self.deepest = max(self.deepest, depth, after)
        if not leaves and name not in JUMPS_ALWAYS:
            self._ways.append((instruction.end, after))

    def _fault(self, at: int, words: str) -> None:
        self.faults.append(f"{at} {self._instructions[at].name}: {words}")


def _after(instruction: Instruction, depth: int) -> int:
    if instruction.name == "RETURN_GENERATOR" and sys.version_info < (3, 13):
        return depth + 1  # dis does not count the value that is sent into the generator
    if instruction.name in JUMPS_ALWAYS:
        return depth
    argument = instruction.argument if instruction.op >= dis.HAVE_ARGUMENT else None
    return depth + dis.stack_effect(instruction.op, argument, jump=False)
