"""A static check of a code object: the stack's depth at every instruction, against exception table and stack size.

A wrong depth in the exception table does not fail at once; it makes the interpreter read garbage when the exception
comes. For tests, not for the running program.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType

from weaver.weaving.assembler import Instruction, decode

LEAVES = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"})
JUMPS_ALWAYS = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})


def verify(code: CodeType) -> list[str]:
    """Return what is wrong with a code object, nothing when it is sound."""
    assembly = decode(code)
    instructions = assembly.instructions
    place = {instruction: at for at, instruction in enumerate([*instructions, assembly.end])}
    handlers: list[tuple[int, int, bool] | None] = [None] * len(instructions)
    for region in assembly.regions:
        for at in range(place[region.start], place[region.end]):
            handlers[at] = (region.depth, place[region.handler], region.lasti)
    depths: list[int | None] = [None] * len(instructions)
    faults: list[str] = []
    deepest = 0
    work = [(0, 0)]
    while work:
        at, depth = work.pop()
        while at < len(instructions):
            instruction = instructions[at]
            if depths[at] is not None:
                if depths[at] != depth:
                    faults.append(f"{at} {instruction.name}: depth {depths[at]} or {depth}")
                break
            depths[at] = depth
            after = _after(instruction, depth)
            handler = handlers[at]
            if handler is not None:
                low = depth if instruction.name in LEAVES else min(depth, after)
                if low < handler[0]:
                    faults.append(f"{at} {instruction.name}: depth {low} under a handler of depth {handler[0]}")
                work.append((handler[1], handler[0] + handler[2] + 1))
            if instruction.target is not None:
                jumped = depth + dis.stack_effect(instruction.op, instruction.argument, jump=True)
                work.append((place[instruction.target], jumped))
                deepest = max(deepest, jumped)
            deepest = max(deepest, depth, after)
            if instruction.name in LEAVES or instruction.name in JUMPS_ALWAYS:
                break
            depth = after
            at += 1
        else:
            faults.append("the last instruction leads out of the code")
    if deepest > code.co_stacksize:
        faults.append(f"the stack grows to {deepest}, co_stacksize is {code.co_stacksize}")
    return faults


def _after(instruction: Instruction, depth: int) -> int:
    if instruction.name == "RETURN_GENERATOR" and sys.version_info < (3, 13):
        return depth + 1  # dis does not count the value that is sent into the generator
    if instruction.name in JUMPS_ALWAYS:
        return depth
    argument = instruction.argument if instruction.op >= dis.HAVE_ARGUMENT else None
    return depth + dis.stack_effect(instruction.op, argument, jump=False)
