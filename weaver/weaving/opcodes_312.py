"""What is particular to the bytecode of CPython 3.12."""

from collections.abc import Callable

CALL = ("CALL",)
"""Instructions of one call, each with the number of arguments."""

NULL_FIRST = True
"""Whether PUSH_NULL stands below the callee (or above it)."""

ATTRIBUTE_SHIFT = 1
"""Bits by which the name's index is shifted in LOAD_ATTR."""

JUMP_IF_TRUE = "POP_JUMP_IF_TRUE"
JUMP_IF_FALSE = "POP_JUMP_IF_FALSE"

UNDER_ONE_MORE_HANDLER: dict[str, Callable[[int], int]] = {"YIELD_VALUE": lambda depth: depth + 1}
"""What the arguments of instructions that tell how many handlers lie around them become when one more does.

generator.close() compares the depth that YIELD_VALUE carries.
"""

BEHIND_ENTER: tuple[str, ...] = ("NOP",)
"""Instructions behind the call of ``enter``, in front of the body's copy.

A body may begin with what a loop jumps back to. settrace() is told of that line a second time unless the instruction
before it is of the same line; behind a call into Python this version of the interpreter takes the call's last inline
cache for that instruction, which has no line.
"""
