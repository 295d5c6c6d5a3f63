"""What is particular to the bytecode of CPython 3.11."""

CALL = ("PRECALL", "CALL")
"""Instructions of one call, each with the number of arguments."""

NULL_FIRST = True
"""Whether PUSH_NULL stands below the callee (or above it)."""

ATTRIBUTE_SHIFT = 0
"""Bits by which the name's index is shifted in LOAD_ATTR."""

JUMP_IF_TRUE = "POP_JUMP_FORWARD_IF_TRUE"
JUMP_IF_FALSE = "POP_JUMP_FORWARD_IF_FALSE"


def under_one_more_handler(name: str, argument: int) -> int:
    """Return the argument that an instruction needs when one handler more lies around it."""
    del name
    return argument
