"""What must hold of every woven code object, told from the bytes; and the code of the standard library to try it on."""

import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from weaver.weaving import Advice, Gate, Guard
from weaver.weaving.assembler import RESUME, VERSION, Instruction, decode, particular
from weaver.weaving.guard import Passes
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


def faults(code: CodeType, woven: CodeType, advice: Advice) -> list[str]:
    """Return what is wrong with woven code: its stack, its two bodies, their places in the source."""
    found = verify(woven)
    start = code.co_code[::2].find(RESUME) + 1
    body, bodies = code.co_code[2 * start :], woven.co_code
    front = bodies.find(body, 2 * start) // 2 - start
    if front < 1:
        return [*found, "the body is not in it as it was"]
    plain, now = list(code.co_positions()), list(woven.co_positions())
    if now[:start] != plain[:start] or now[start + front : len(plain) + front] != plain[start:]:
        found.append("the body has other places in the source")
    lines = {line for line, *_ in plain[start:] if line is not None}
    if {line for line, *_ in now[start : start + front]} - lines - {None}:
        found.append("the guard has a line of its own")
    if advice.exit is not None or advice.throw is not None:
        found += _copy_faults(code, woven, start, len(code.co_code) // 2 + front)
    return found


def _copy_faults(code: CodeType, woven: CodeType, start: int, behind: int) -> list[str]:
    """Compare the copy with the body, instruction by instruction: the returns differ, and nothing else."""
    body = [i for i in decode(code.co_code) if i.start >= start]
    advised = [i for i in decode(woven.co_code) if i.start >= behind]
    handler = max(at for at, i in enumerate(advised) if i.name == "PUSH_EXC_INFO")
    expected = [name for one in body for name in _copy_of(one)]
    copy = advised[handler - len(expected) : handler]
    if [i.name for i in copy] != expected:
        return ["the copy has other instructions"]
    plain, now = list(code.co_positions()), list(woven.co_positions())
    found: list[str] = []
    places: dict[int, int] = {}
    jumps: list[tuple[Instruction, Instruction]] = []
    rest = iter(copy)
    for one in body:
        first, *others = (next(rest) for _ in _copy_of(one))
        places[one.start] = first.start
        if one.target is not None:
            jumps.append((one, first))
        elif one.name != "RETURN_VALUE" and first.argument != _argument_in_copy(one):
            found.append(f"{one.start} {one.name}: {first.argument} for {one.argument}")
        if {now[unit] for i in (first, *others) for unit in range(i.start, i.end)} != {plain[one.start]}:
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
