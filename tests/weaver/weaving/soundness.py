"""What must hold of every woven code object, told from the bytes; and the code of the standard library to try it on."""

import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from weaver.weaving import Advice, Gate, Guard
from weaver.weaving.assembler import RESUME, VERSION, Instruction, decode, particular
from weaver.weaving.guard import Passes
from weaver.weaving.places import find_places
from weaver.weaving.rewrite import PlacedAdvice, rewrite
from weaver.weaving.verify import verify

GUARD = Guard(Gate(), list, "m0")
SHAPES = {
    "enter, exit, throw": Advice(len, max, min, GUARD),
    "enter, exit, throw, without a gate": Advice(len, max, min, Guard(None, list, "m0")),
    "enter, exit, throw, without a guard": Advice(len, max, min),
    "enter, throw": Advice(len, None, min, GUARD),
    "enter, exit": Advice(len, max, None, GUARD),
    "enter": Advice(len, guard=GUARD),
    "enter, without a guard": Advice(len),
    "enter, exit, throw, without arguments": Advice(len, max, min, GUARD, arguments=False),
    "counted": Advice(guard=GUARD, passes=Passes()),
    "counted, exit, throw": Advice(exit=max, throw=min, guard=GUARD, passes=Passes()),
    "counted, enter, exit, throw": Advice(len, max, min, GUARD, passes=Passes()),
}
"""Advice of every shape."""

AT_PLACES = "enter, exit, throw, at every place"
PLACES = frozenset({"call", "get", "set", "handler"})

Position = tuple[int | None, int | None, int | None, int | None]

RETURNS = frozenset({"RETURN_VALUE", "RETURN_CONST"})


def codes(code: CodeType) -> Iterator[CodeType]:
    """Return a code object and all that it holds."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def library_codes(*names: str) -> Iterator[tuple[Path, CodeType]]:
    """Return every function of the standard library, or of the modules named, as the compiler makes it."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [library / f"{name.replace('.', '/')}.py" for name in names] if names else sorted(library.rglob("*.py"))
    for path in files:
        if "site-packages" in path.parts:
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                whole = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue  # the library's own tests of the parser
        yield from ((path, code) for code in codes(whole) if code is not whole)


def woven_at_places(code: CodeType) -> CodeType:
    """Return a copy of a code object with advice at every call, read, write and handler in it."""
    advice = SHAPES["enter, exit, throw"]
    return rewrite(code, [PlacedAdvice(place.kind, place.at, advice) for place in find_places(code, PLACES)])


def faults(code: CodeType, woven: CodeType, advice: Advice) -> list[str]:
    """Return what is wrong with woven code: its stack, its two bodies, their places in the source."""
    return Original(code).faults(woven, advice)


class Original:
    """A function as the compiler makes it, taken apart once, and what is woven of it.

    A copy of the body that is the same bytes at the same places in the source as one that was found right is right.
    """

    def __init__(self, code: CodeType) -> None:
        self._data = code.co_code
        self._start = code.co_code[::2].find(RESUME) + 1
        self._positions = list(code.co_positions())
        self._body = [i for i in decode(code.co_code) if i.start >= self._start]
        self._lines = {line for line, *_ in self._positions[self._start :]}
        self._right: list[tuple[bytes, list[Position]]] = []

    def faults(self, woven: CodeType, advice: Advice) -> list[str]:
        """Return what is wrong with woven code."""
        found = verify(woven)
        start, data, plain = self._start, woven.co_code, self._positions
        front = data.find(self._data[2 * start :], 2 * start) // 2 - start
        if front < 1:
            return [*found, "the body is not in it as it was"]
        now = list(woven.co_positions())
        if now[:start] != plain[:start] or now[start + front : len(plain) + front] != plain[start:]:
            found.append("the body has other places in the source")
        if {line for line, *_ in now[start : start + front]} - self._lines - {None}:
            found.append("the guard has a line of its own")
        if advice.exit is not None or advice.throw is not None:
            found += self._copy_faults(data, now, len(plain) + front)
        return found

    def _copy_faults(self, data: bytes, now: list[Position], behind: int) -> list[str]:
        for copy, places in self._right:
            at = data.find(copy, 2 * behind)
            if at > 0 and at % 2 == 0 and now[at // 2 : (at + len(copy)) // 2] == places:
                return []
        advised = [i for i in decode(data) if i.start >= behind]
        handler = max(at for at, i in enumerate(advised) if i.name == "PUSH_EXC_INFO")
        expected = [name for one in self._body for name in _copy_of(one)]
        copied = advised[handler - len(expected) : handler]
        if [i.name for i in copied] != expected:
            return ["the copy has other instructions"]
        found = self._differences(copied, now)
        if not found:
            first, last = copied[0].start, copied[-1].end
            self._right.append((data[2 * first : 2 * last], now[first:last]))
        return found

    def _differences(self, copy: list[Instruction], now: list[Position]) -> list[str]:
        """Compare the copy with the body, instruction by instruction: the returns differ, and nothing else."""
        found: list[str] = []
        places: dict[int, int] = {}
        jumps: list[tuple[Instruction, Instruction]] = []
        rest = iter(copy)
        for one in self._body:
            first, *others = (next(rest) for _ in _copy_of(one))
            places[one.start] = first.start
            if one.target is not None:
                jumps.append((one, first))
            elif one.name != "RETURN_VALUE" and first.argument != _argument_in_copy(one):
                found.append(f"{one.start} {one.name}: {first.argument} for {one.argument}")
            end = others[-1].end if others else first.end
            if {*now[first.start : end]} != {self._positions[one.start]}:
                found.append(f"{one.start} {one.name}: another place in the source")
        strays = [one for one, other in jumps if places.get(one.target or -1) != other.target]
        return found + [f"{one.start} {one.name}: leads elsewhere" for one in strays]


def _argument_in_copy(one: Instruction) -> int:
    """Return the argument of an instruction that has one more handler around it than in the body."""
    if VERSION == (3, 12) and one.name == "YIELD_VALUE":
        return one.argument + 1
    if VERSION == (3, 13) and one.name == "RESUME":
        return one.argument & 0b011
    return one.argument


def _copy_of(instruction: Instruction) -> list[str]:
    """Return the names of the instructions that stand in the copy for one of the body."""
    if instruction.name not in RETURNS:
        return [instruction.name]
    load = ["LOAD_CONST"] if instruction.name == "RETURN_CONST" else []
    return [*load, "NOP", *particular.CALL, "RETURN_VALUE"]
