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
