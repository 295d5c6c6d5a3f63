"""Places inside a body where something can be woven: calls, attributes read and written, handlers of exceptions.

A place is known by the instruction at which its guard goes: the load of the callee, the load or store of the attribute,
the first instruction of the handler. Callees are found by following the stack back from the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Literal, NamedTuple

from weaver.weaving.assembler import VERSION, particular
from weaver.weaving.symbolic import Assembly, Instruction, decode, depths, effect

PlaceKind = Literal["call", "get", "set", "handler"]

CALLS = frozenset({"PRECALL", "CALL", "CALL_KW", "CALL_FUNCTION_EX"} - ({"CALL"} if VERSION == (3, 11) else set()))
"""What takes the callee off the stack; in 3.11 PRECALL does what counts."""

PUSHES_ONLY = frozenset(
    {"PUSH_NULL", "COPY", "LOAD_CLOSURE", "LOAD_CONST", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR"}
    | {"LOAD_FAST_LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_BUILD_CLASS"}
    | {"LOAD_ASSERTION_ERROR", "LOAD_LOCALS", "PUSH_EXC_INFO"}
)
"""What adds to the stack and takes nothing."""

TAKES_ONLY = ("POP_", "STORE_", "LIST_", "SET_", "MAP_", "DICT_", "DELETE_", "RETURN_", "RAISE_", "JUMP_", "END_FOR")
"""Beginnings of the names of what takes and adds nothing."""

TAKEN = {
    **dict.fromkeys(("NOP", "RESUME", "KW_NAMES", "MAKE_CELL", "COPY_FREE_VARS", "SETUP_ANNOTATIONS"), 0),
    **dict.fromkeys(("UNPACK_SEQUENCE", "UNPACK_EX", "BEFORE_WITH", "BEFORE_ASYNC_WITH", "STORE_FAST_LOAD_FAST"), 1),
}
"""What neither rule fits, nor the general one: takes some and adds one."""

READS = frozenset({"LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"})
NAMES = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})
TESTS = frozenset({"CHECK_EXC_MATCH", "CHECK_EG_MATCH"})


class Place(NamedTuple):
    """A place.

    Shape: ``at`` counts the instructions before it; ``names`` is the dotted name as it stands in the code, its first
    part a global name, or empty where the name belongs to a value that is only known at run time. A handler of several
    classes is one place for each.
    """

    kind: PlaceKind
    at: int
    name: str
    names: tuple[str, ...]
    line: int


def find_places(code: CodeType, kinds: frozenset[str]) -> list[Place]:
    """Return the places of some kinds in a code object."""
    return list(_Finder(code, decode(code)).places(kinds))


def name_of(code: CodeType, instruction: Instruction) -> str:
    """Return the name that a load or store names."""
    shift = {"LOAD_GLOBAL": 1, "LOAD_SUPER_ATTR": 2, "LOAD_ATTR": particular.ATTRIBUTE_SHIFT}.get(instruction.name, 0)
    name: str = code.co_names[instruction.argument >> shift]
    return name


def line_of(instruction: Instruction, code: CodeType) -> int:
    """Return the line of an instruction, that of the code where it has none."""
    line = instruction.location[0]
    return code.co_firstlineno if line is None else line


def loads_method(instruction: Instruction) -> bool:
    """Say whether it loads a method to be called, which takes two places on the stack."""
    name = instruction.name
    return name == "LOAD_METHOD" or (name in READS and VERSION > (3, 11) and bool(instruction.argument & 1))


class _Finder:
    def __init__(self, code: CodeType, assembly: Assembly) -> None:
        self._code = code
        self._instructions = assembly.instructions
        self._depths = depths(assembly)
        self._targets = {one.target for one in self._instructions} | {one.handler for one in assembly.regions}

    def places(self, kinds: frozenset[str]) -> Iterator[Place]:
        callees = set(self._callees())
        for at, one in enumerate(self._instructions):
            if one not in self._depths:
                continue  # never reached
            if at in callees and "call" in kinds:
                yield self._place("call", at, one)
            elif at not in callees and "get" in kinds and one.name == "LOAD_ATTR" and not loads_method(one):
                yield self._place("get", at, one)
            elif one.name == "STORE_ATTR" and "set" in kinds:
                yield self._place("set", at, one)
            elif one.name in TESTS and "handler" in kinds:
                yield from self._handlers(at)

    def _place(self, kind: PlaceKind, at: int, one: Instruction) -> Place:
        names = self._dotted(at) if one.name != "STORE_ATTR" else ()
        return Place(kind, at, name_of(self._code, one), names, line_of(one, self._code))

    def _callees(self) -> Iterator[int]:
        """Return where named callees are loaded."""
        for at, one in enumerate(self._instructions):
            if one.name not in CALLS or one not in self._depths:
                continue
            base = self._depths[one] - _taken(one)
            found = self._producer(at, base)
            if particular.NULL_FIRST and found is not None and _pushes_null(self._instructions[found]):
                found = self._producer(at, base + 1)
            if found is not None and _is_named(self._instructions[found]):
                yield found

    def _producer(self, before: int, slot: int) -> int | None:
        """Return the instruction that put a value on a place of the stack; None where several ways lead to it."""
        found = next((at for at in range(before - 1, -1, -1) if self._puts(at, slot)), None)
        return None if found is None or self._instructions[found + 1] in self._targets else found

    def _puts(self, at: int, slot: int) -> bool:
        one = self._instructions[at]
        depth = self._depths.get(one)
        return depth is not None and depth - _taken(one) <= slot < depth + effect(one)

    def _dotted(self, at: int) -> tuple[str, ...]:
        """Return the dotted name that ends in an instruction, as far back as it is one."""
        one = self._instructions[at]
        name = name_of(self._code, one)
        if one.name in NAMES:
            return (name,)
        if one.name == "LOAD_SUPER_ATTR" or at == 0 or one in self._targets:
            return ()
        before = self._instructions[at - 1]
        if before.name in NAMES or (before.name == "LOAD_ATTR" and not loads_method(before)):
            front = self._dotted(at - 1)
            return (*front, name) if front else ()
        return ()

    def _handlers(self, at: int) -> Iterator[Place]:
        """Return a place for each class that an ``except`` names: behind the jump that leads past it."""
        test = self._instructions[at]
        jump = at + 1 if test.name == "CHECK_EXC_MATCH" else at + 2
        if jump + 1 >= len(self._instructions) or self._instructions[jump].target is None:
            return
        classes = [at - 1]
        if self._instructions[at - 1].name == "BUILD_TUPLE":
            slot = self._depths[self._instructions[at - 1]] - self._instructions[at - 1].argument
            count = self._instructions[at - 1].argument
            classes = [one for n in range(count) if (one := self._producer(at - 1, slot + n)) is not None]
        for one in classes:
            loaded = self._instructions[one]
            if _is_named(loaded):
                name = name_of(self._code, loaded)
                yield Place("handler", jump + 1, name, self._dotted(one), line_of(test, self._code))


def _is_named(one: Instruction) -> bool:
    return one.name in READS or one.name in NAMES


def _pushes_null(one: Instruction) -> bool:
    return one.name == "PUSH_NULL" or (one.name == "LOAD_GLOBAL" and bool(one.argument & 1))


def _taken(one: Instruction) -> int:
    """Return how many values an instruction takes off the stack; what only looks at them takes none."""
    name = one.name
    if name in {"PRECALL", "CALL"}:
        return one.argument + 2 if name in CALLS else 2
    if name in TAKEN or name in PUSHES_ONLY:
        return TAKEN.get(name, 0)
    if name.startswith(TAKES_ONLY):
        return max(0, -effect(one))
    if name == "SWAP":
        return one.argument
    if loads_method(one):
        return 3 if name == "LOAD_SUPER_ATTR" else 1
    return max(0, 1 - effect(one))
