"""Advice at places inside a body: calls, reads and writes of attributes, handlers of exceptions.

::

    gate.on and get().mK ? no -> plain           (guard, at the instruction that loads the callee or the attribute)
    load the bound callee; bind(receiver, callee, this)       (gives a callable that enters, calls, exits)
    -> join
    plain: the instruction as it was
    join: arguments, call

Both ways join with the same stack, so nothing else of the body changes: no jump, no handler, no depth of the exception
table. What is bound takes itself out of the traceback of an error that passes through it.

The own assembler does it and not the ``bytecode`` library: of 4,400 functions of the standard library a round trip
through the library damages the exception table of two or three on each Python, and takes 0.8 to 1.6 ms for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any, NamedTuple

from weaver.weaving.assembler import particular
from weaver.weaving.bound import Site, binder, catcher, reader, writer
from weaver.weaving.guard import Advice, Guard
from weaver.weaving.places import PlaceKind, line_of, loads_method, name_of
from weaver.weaving.symbolic import Assembly, Instruction, decode, encode


class PlacedAdvice(NamedTuple):
    """Advice for one place.

    Shape: ``enter`` is called with what the code runs on (None where there is nothing), the receiver (None for a plain
    function, of a handler the exception) and the values: arguments of a call, the value written, the exception caught.
    """

    kind: PlaceKind
    at: int
    advice: Advice


def rewrite(code: CodeType, placed: Sequence[PlacedAdvice]) -> CodeType:
    """Return a copy of a code object with advice at some of its places.

    Errors: ValueError for a place that is none.
    """
    return _Rewriter(code).rewritten(placed) if placed else code


class _Rewriter:
    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._constants = list(code.co_consts)
        self._names = list(code.co_names)
        self._assembly = decode(code)
        self._this = self._load_this()

    def rewritten(self, placed: Iterable[PlacedAdvice]) -> CodeType:
        by_place: dict[int, list[PlacedAdvice]] = {}
        for one in placed:
            by_place.setdefault(one.at, []).append(one)
        out: list[Instruction] = []
        instructions = self._assembly.instructions
        if max(by_place) + 1 >= len(instructions):
            raise ValueError("there is no such place in it")
        for at, instruction in enumerate(instructions):
            out += self._with_advice(instruction, by_place.get(at, ()), self._next(at))
        return encode(
            Assembly(out, self._assembly.regions, self._assembly.end),
            self._code,
            co_consts=tuple(self._constants),
            co_names=tuple(self._names),
            co_stacksize=self._code.co_stacksize + 8,
        )

    def _next(self, at: int) -> Instruction:
        return self._assembly.instructions[at + 1] if at + 1 < len(self._assembly.instructions) else self._assembly.end

    def _with_advice(
        self, instruction: Instruction, placed: Sequence[PlacedAdvice], following: Instruction
    ) -> list[Instruction]:
        """Return an instruction with what advice puts before it or in its place.

        Jumps and regions that name the instruction have to lead to what now stands first: the object becomes that.
        """
        if not placed:
            return [instruction]
        plain = instruction.copy()
        made: list[Instruction] = []
        for one in placed:
            inserted, replaces = self._matched(plain, one)
            skipped = plain if one is placed[-1] else Instruction("NOP")
            join = following if replaces else skipped
            made += self._guard(one.advice.guard, skipped)
            made += inserted
            if replaces and one.advice.guard is not None:
                made.append(Instruction("JUMP_FORWARD").jump_to(join))
            if skipped is not plain:
                made.append(skipped)
        if not replaces or placed[-1].advice.guard is not None:
            made.append(plain)
        for one_made in made:
            one_made.location = plain.location
        first = made[0]
        instruction.op, instruction.argument, instruction.target = first.op, first.argument, first.target
        return [instruction, *made[1:]]

    def _guard(self, guard: Guard | None, plain: Instruction) -> list[Instruction]:
        if guard is None:
            return []
        skip = particular.JUMP_IF_FALSE
        gate = [self._constant(guard.gate), self._attribute("on"), Instruction(skip).jump_to(plain)]
        get = [Instruction("PUSH_NULL"), self._constant(guard.get)]
        called = [*(get if particular.NULL_FIRST else get[::-1]), *_call(0)]
        return [
            *([] if guard.gate is None else gate),
            *called,
            self._attribute(guard.slot),
            Instruction(skip).jump_to(plain),
        ]

    def _matched(self, plain: Instruction, placed: PlacedAdvice) -> tuple[list[Instruction], bool]:
        """Return the way with advice, and whether it stands in the place of the instruction."""
        site = Site(self._code, line_of(plain, self._code))
        if placed.kind == "call":
            return self._bound(plain, placed.advice, site), True
        if placed.kind == "handler":
            values = [Instruction("COPY", 1), self._this.copy(), Instruction("BUILD_TUPLE", 2)]
            return [*values, *self._apply(catcher(placed.advice)), Instruction("POP_TOP")], False
        name = name_of(self._code, plain)
        if placed.kind == "get":
            values = [self._this.copy(), Instruction("BUILD_TUPLE", 2)]
            return [*values, *self._apply(reader(placed.advice, name, site))], True
        values = [self._this.copy(), Instruction("BUILD_TUPLE", 3)]
        applied = self._apply(writer(placed.advice, name, site))
        return [*values, *applied, Instruction("POP_TOP")], True

    def _bound(self, plain: Instruction, advice: Advice, site: Site) -> list[Instruction]:
        """Load the callee as a value, bind the advice to it, and put NULL where the plain instruction does."""
        name = name_of(self._code, plain)
        with_null = loads_method(plain) or (plain.name == "LOAD_GLOBAL" and bool(plain.argument & 1))
        none = self._constant(None)
        if plain.name == "LOAD_SUPER_ATTR":
            load = [Instruction("LOAD_SUPER_ATTR", plain.argument & ~1), none, Instruction("SWAP", 2)]
        elif plain.name in {"LOAD_METHOD", "LOAD_ATTR"}:
            load = [Instruction("COPY", 1), self._attribute(name)]
        else:
            load = [none, Instruction(plain.op, plain.argument & ~1 if plain.name == "LOAD_GLOBAL" else plain.argument)]
        bound = [*load, self._this.copy(), Instruction("BUILD_TUPLE", 3), *self._apply(binder(advice, site))]
        if not with_null:
            return bound
        null = [Instruction("PUSH_NULL")]
        return [*bound, *null, Instruction("SWAP", 2)] if particular.NULL_FIRST else [*bound, *null]

    def _apply(self, function: Callable[[Any], object]) -> list[Instruction]:
        """Call a function with the value on top of the stack."""
        callee = self._constant(function)
        if particular.NULL_FIRST:
            below = [Instruction("PUSH_NULL"), Instruction("SWAP", 2), callee, Instruction("SWAP", 2)]
        else:
            below = [callee, Instruction("SWAP", 2), Instruction("PUSH_NULL"), Instruction("SWAP", 2)]
        return [*below, *_call(1)]

    def _load_this(self) -> Instruction:
        """Return what loads the object that a method runs on: its first parameter, if nothing else is put there."""
        code = self._code
        first = code.co_varnames[0] if code.co_argcount else ""
        changed = first in code.co_cellvars or any(_stores_first(one) for one in self._assembly.instructions)
        return self._constant(None) if changed or first not in {"self", "cls"} else Instruction("LOAD_FAST", 0)

    def _constant(self, value: object) -> Instruction:
        self._constants.append(value)
        return Instruction("LOAD_CONST", len(self._constants) - 1)

    def _attribute(self, name: str) -> Instruction:
        if name not in self._names:
            self._names.append(name)
        return Instruction("LOAD_ATTR", self._names.index(name) << particular.ATTRIBUTE_SHIFT)


def _call(arguments: int) -> list[Instruction]:
    return [Instruction(name, arguments) for name in particular.CALL]


def _stores_first(one: Instruction) -> bool:
    """Say whether an instruction changes the first local variable."""
    name, argument = one.name, one.argument
    if name == "STORE_FAST_STORE_FAST":
        return argument >> 4 == 0 or argument & 15 == 0
    if name == "STORE_FAST_LOAD_FAST":
        return argument >> 4 == 0
    return name in {"STORE_FAST", "DELETE_FAST", "LOAD_FAST_AND_CLEAR"} and argument == 0
