"""What is particular to the bytecode of CPython 3.13."""

from collections.abc import Callable

CALL = ("CALL",)
"""Instructions of one call, each with the number of arguments."""

NULL_FIRST = False
"""Whether PUSH_NULL stands below the callee (or above it)."""

ATTRIBUTE_SHIFT = 1
"""Bits by which the name's index is shifted in LOAD_ATTR."""

JUMP_IF_TRUE = "POP_JUMP_IF_TRUE"
JUMP_IF_FALSE = "POP_JUMP_IF_FALSE"

UNDER_ONE_MORE_HANDLER: dict[str, Callable[[int], int]] = {"RESUME": lambda flags: flags & ~4}
"""What the arguments of instructions that tell how many handlers lie around them become when one more does.

generator.close() takes a short way out when this bit says that nothing is active but the outer handler.
"""

BEHIND_ENTER: tuple[str, ...] = ()
"""Instructions behind the call of ``enter``; none here."""
