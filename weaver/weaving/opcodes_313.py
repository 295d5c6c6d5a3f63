"""What is particular to the bytecode of CPython 3.13."""

CALL = ("CALL",)
"""Instructions of one call, each with the number of arguments."""

NULL_FIRST = False
"""Whether PUSH_NULL stands below the callee (or above it)."""

ATTRIBUTE_SHIFT = 1
"""Bits by which the name's index is shifted in LOAD_ATTR."""

JUMP_IF_TRUE = "POP_JUMP_IF_TRUE"
JUMP_IF_FALSE = "POP_JUMP_IF_FALSE"


def under_one_more_handler(name: str, argument: int) -> int:
    """Return the argument that an instruction needs when one handler more lies around it."""
    # generator.close() takes a short way out when this bit of RESUME says that nothing is active but the outer handler
    return argument & ~4 if name == "RESUME" else argument
