"""What is particular to the bytecode of CPython 3.11."""

from collections.abc import Callable

CALL = ("PRECALL", "CALL")
"""Instructions of one call, each with the number of arguments."""

NULL_FIRST = True
"""Whether PUSH_NULL stands below the callee (or above it)."""

ATTRIBUTE_SHIFT = 0
"""Bits by which the name's index is shifted in LOAD_ATTR."""

JUMP_IF_TRUE = "POP_JUMP_FORWARD_IF_TRUE"
JUMP_IF_FALSE = "POP_JUMP_FORWARD_IF_FALSE"

UNDER_ONE_MORE_HANDLER: dict[str, Callable[[int], int]] = {}
"""Instructions that tell how many handlers lie around them; none here."""

BEHIND_ENTER: tuple[str, ...] = ()
"""Instructions behind the call of ``enter``; none here."""
