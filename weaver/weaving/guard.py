"""One woven code object: the untouched body behind a guard, and behind that a second copy with the advice.

::

    MAKE_CELL.. COPY_FREE_VARS.. RETURN_GENERATOR.. RESUME
    gate.on ? no -> body;  get().mK ? yes -> advised            (guard; its line is that of the body's first)
    body                                                        (byte for byte the original)
    advised: push exit; push enter(arguments...)                (the token lies at the bottom of the stack)
      copy of the body, every return through exit(token, value)
      handler: throw(token, error), raise again

Advice that only enters needs no second copy: it stands between the guard and the body.

No local variable is added, existing constants and names keep their places, nothing has a line that was not there.
Constants hold the advice, never the function or a frame, so that no cycle goes through a code object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from weaver.weaving.assembler import Assembly, Instruction, Location, Region, decode, encode, particular

RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})


class Gate:
    """A process-wide switch of one dye mask: off while no live dye object matches it."""

    __slots__ = ("on",)

    def __init__(self, on: bool = False) -> None:
        self.on = on


@dataclass(frozen=True, slots=True)
class Guard:
    """What is asked before the advice: the gate, if there is one, then attribute ``slot`` of what ``get()`` returns.

    Shape: what the slot holds must be True or False itself; CPython 3.13 tests nothing else.
    """

    gate: Gate | None
    get: Callable[[], object]
    slot: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What is woven in.

    Shape: ``enter(*arguments)`` returns a token, ``exit(token, result)`` the result, ``throw(token, error)`` nothing;
    without a guard the advice always runs. All three must catch what goes wrong in them.
    """

    enter: Callable[..., object]
    exit: Callable[[Any, Any], Any] | None = None
    throw: Callable[[Any, BaseException], object] | None = None
    guard: Guard | None = None


def weave(code: CodeType, advice: Advice) -> CodeType:
    """Return a woven copy of a code object.

    Errors: ValueError for code that has no place for advice.
    """
    return _Weaver(code, advice).woven()


class _Weaver:
    def __init__(self, code: CodeType, advice: Advice) -> None:
        self._code = code
        self._advice = advice
        self._constants = list(code.co_consts)
        self._names = list(code.co_names)

    def woven(self) -> CodeType:
        assembly = decode(self._code)
        instructions = assembly.instructions
        first = next((at for at, i in enumerate(instructions) if i.name == "RESUME"), None)
        if first is None or first + 1 >= len(instructions):
            raise ValueError("there is no RESUME in it")
        head, body = instructions[: first + 1], instructions[first + 1 :]
        line = next((i.location[0] for i in body if i.location), None)
        location: Location = None if line is None else (line, line, -1, -1)
        behind: list[Instruction] = []
        regions: list[Region] = []
        if self._advice.exit is None and self._advice.throw is None:
            front = [*self._guard(body[0], None), *self._enter(), Instruction("POP_TOP")]
            self._locate(front, location)
        else:
            prologue = [*self._callee(self._advice.exit or same), *self._enter()]
            front = self._guard(body[0], prologue[0])
            self._locate([*front, *prologue], location)
            advised, regions = self._advised(body, assembly)
            behind = [*prologue, *advised]
            for region in assembly.regions:
                if region.end is assembly.end:
                    region.end = prologue[0]
        woven = Assembly([*head, *front, *body, *behind], [*assembly.regions, *regions], assembly.end)
        return encode(
            woven,
            self._code,
            co_consts=tuple(self._constants),
            co_names=tuple(self._names),
            co_stacksize=self._code.co_stacksize + 12 + self._parameter_count(),
        )

    @staticmethod
    def _locate(instructions: list[Instruction], location: Location) -> None:
        for instruction in instructions:
            instruction.location = location

    def _guard(self, body: Instruction, advised: Instruction | None) -> list[Instruction]:
        """Return the test that leads to the body or to the advised part; without one that follows at once."""
        guard = self._advice.guard
        if guard is None:
            return [] if advised is None else [Instruction("JUMP_FORWARD").jump_to(advised)]
        gate = [] if guard.gate is None else [self._constant(guard.gate), self._attribute("on"), _jump_if(False, body)]
        return [
            *gate,
            *self._callee(guard.get),
            *_call(0),
            self._attribute(guard.slot),
            _jump_if(False, body) if advised is None else _jump_if(True, advised),
        ]

    def _enter(self) -> list[Instruction]:
        arguments = self._arguments()
        return [*self._callee(self._advice.enter), *arguments, *_call(len(arguments))]

    def _advised(self, body: list[Instruction], assembly: Assembly) -> tuple[list[Instruction], list[Region]]:
        """Return the second copy of the body with its exits and its handler, and their regions."""
        copies = {original: original.copy() for original in body}
        out: list[Instruction] = []
        uncovered: set[Instruction] = set()
        moved: dict[Instruction, Instruction] = {}
        for copy in copies.values():
            copy.argument = particular.under_one_more_handler(copy.name, copy.argument)
            if copy.name in RETURNS:
                tail = self._exit(copy)
                if copy.name == "RETURN_CONST":
                    load = Instruction("LOAD_CONST", copy.argument, copy.location)
                    moved[copy] = load
                    out.append(load)
                else:
                    moved[copy] = tail[0]
                uncovered.update(tail)
                out += tail
            else:
                out.append(copy)
        for instruction in out:
            if instruction.target is not None:
                target = copies[instruction.target]
                instruction.target = moved.get(target, target)
        handler, cleanup = self._handler()
        regions = self._regions(out, uncovered, copies, moved, handler[0], assembly)
        regions.append(Region(handler[0], cleanup[0], cleanup[0], 5, True))
        return [*out, *handler, *cleanup], regions

    @staticmethod
    def _exit(copy: Instruction) -> list[Instruction]:
        """Return ``exit(token, value)`` and the return; both callee and token lie at the bottom of the stack.

        The NOP: CPython 3.13 looks the handler of an exception up at the unit before the call, which takes the bottom
        of the stack away, so nothing that expects it may cover that unit.
        """
        tail = [Instruction("NOP"), *_call(2), Instruction("RETURN_VALUE")]
        for instruction in tail:
            instruction.location = copy.location
        return tail

    def _handler(self) -> tuple[list[Instruction], list[Instruction]]:
        """Return ``throw(token, error)`` and the raise; on the stack lie exit (2), token, offset, previous, error."""
        told: list[Instruction] = []
        if self._advice.throw is not None:
            arguments = [Instruction("COPY", 6), Instruction("COPY", 4)]
            told = [*self._callee(self._advice.throw), *arguments, *_call(2), Instruction("POP_TOP")]
        handler = [Instruction("PUSH_EXC_INFO"), *told, Instruction("RERAISE", 2)]
        return handler, [Instruction("COPY", 3), Instruction("POP_EXCEPT"), Instruction("RERAISE", 1)]

    @staticmethod
    def _regions(
        out: list[Instruction],
        uncovered: set[Instruction],
        copies: dict[Instruction, Instruction],
        moved: dict[Instruction, Instruction],
        handler: Instruction,
        assembly: Assembly,
    ) -> list[Region]:
        """Return the regions of the copy: the original ones three deeper, the new handler everywhere else."""
        place = {instruction: at for at, instruction in enumerate(out)}
        owner: list[tuple[Instruction, int, bool] | None] = [(handler, 3, True)] * len(out)
        for region in assembly.regions:
            start = 0 if region.start not in copies else _place(place, copies[region.start], moved)
            end = len(out) if region.end not in copies else _place(place, copies[region.end], moved)
            target = copies[region.handler]
            owner[start:end] = [(moved.get(target, target), region.depth + 3, region.lasti)] * (end - start)
        for instruction in uncovered:
            owner[place[instruction]] = None
        bounds = [*out, handler]
        regions: list[Region] = []
        at = 0
        while at < len(out):
            end = at + 1
            while end < len(out) and owner[end] == owner[at]:
                end += 1
            covering = owner[at]
            if covering is not None:
                regions.append(Region(bounds[at], bounds[end], *covering))
            at = end
        return regions

    def _constant(self, value: object) -> Instruction:
        self._constants.append(value)
        return Instruction("LOAD_CONST", len(self._constants) - 1)

    def _attribute(self, name: str) -> Instruction:
        if name not in self._names:
            self._names.append(name)
        return Instruction("LOAD_ATTR", self._names.index(name) << particular.ATTRIBUTE_SHIFT)

    def _callee(self, value: object) -> list[Instruction]:
        pair = [Instruction("PUSH_NULL"), self._constant(value)]
        return pair if particular.NULL_FIRST else pair[::-1]

    def _parameter_count(self) -> int:
        code = self._code
        stars = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
        return code.co_argcount + code.co_kwonlyargcount + stars

    def _arguments(self) -> list[Instruction]:
        """Load every parameter, in the order of ``co_varnames``."""
        code = self._code
        slots = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames)]
        return [
            Instruction("LOAD_DEREF" if name in code.co_cellvars else "LOAD_FAST", slots.index(name))
            for name in code.co_varnames[: self._parameter_count()]
        ]


def _place(place: dict[Instruction, int], copy: Instruction, moved: dict[Instruction, Instruction]) -> int:
    return place[moved.get(copy, copy)]


def same(token: object, value: object) -> object:
    """Leave the result as it is: the exit of advice that has none."""
    del token
    return value


def _jump_if(wanted: bool, target: Instruction) -> Instruction:
    return Instruction(particular.JUMP_IF_TRUE if wanted else particular.JUMP_IF_FALSE).jump_to(target)


def _call(arguments: int) -> list[Instruction]:
    return [Instruction(name, arguments) for name in particular.CALL]
