"""The disassembly of a few functions before and after weaving, as text; run by itself it writes the kept files anew.

Shape: a line each: source line, label of a jump's target, operation, argument; then the exception table.
"""

import dis
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from weaver.weaving import Advice, Gate, Guard, weave
from weaver.weaving.assembler import exception_rows

FOLDER = Path(__file__).parents[2] / "data" / "weaving"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Named(Gate):
    """A constant that shows its name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __call__(self, *_: Any) -> Any:
        raise AssertionError("golden code is not run")

    def __repr__(self) -> str:
        return self.name


GUARD = Guard(Named("GATE"), Named("GET"), "m7")
FULL = Advice(Named("ENTER"), Named("EXIT"), Named("THROW"), GUARD)


def method(self: Any, request: Any) -> Any:
    self.state = request.seq
    return request.method


def early(x: int) -> str:
    try:
        if x:
            return "early"
        x = 1
    finally:
        print(x)
    return "late"


def numbers(n: int) -> Generator[int, None, None]:
    yield n


def cell(n: int) -> Callable[[], int]:
    return lambda: n


PAIRS: dict[str, tuple[Callable[..., Any], Advice]] = {
    "method": (method, FULL),
    "method entered": (method, Advice(Named("ENTER"), guard=GUARD)),
    "method without a guard": (method, Advice(Named("ENTER"), Named("EXIT"))),
    "try": (early, FULL),
    "generator": (numbers, FULL),
    "cell": (cell, Advice(Named("ENTER"), guard=Guard(None, Named("GET"), "m7"))),
}


def path_of(name: str) -> Path:
    return FOLDER / f"{name.replace(' ', '_')}.{VERSION}.txt"


def pair(name: str) -> str:
    """Return the disassembly before and after."""
    function, advice = PAIRS[name]
    assert isinstance(function, FunctionType)
    code = function.__code__
    return f"before\n{listing(code)}\nafter\n{listing(weave(code, advice))}"


def listing(code: CodeType) -> str:
    """Return the instructions with lines from 1, and the exception table."""
    found = [one for one in dis.get_instructions(code) if one.opname != "CACHE"]
    rows = list(exception_rows(code))
    targets = {one.argval for one in found if one.opcode in dis.hasjrel} | {2 * r.handler for r in rows}
    starts = {2 * place for row in rows for place in (row.start, row.end)}
    labels = {offset: f"L{n}" for n, offset in enumerate(sorted(targets | starts), 1)}
    lines: list[str] = []
    line: int | None = 0
    for one in found:
        position = one.positions
        now = None if position is None or position.lineno is None else position.lineno - code.co_firstlineno + 1
        shown = "" if now == line else "-" if now is None else str(now)
        argument = labels[one.argval] if one.opcode in dis.hasjrel else _argument(one)
        lines.append(f"{shown:>3} {labels.get(one.offset, ''):>4}  {one.opname:28} {argument}".rstrip())
        line = now
    for row in rows:
        start, end, handler = (labels[2 * place] for place in row[:3])
        lines.append(f"{start} to {end} -> {handler}, depth {row.depth}{', lasti' if row.lasti else ''}")
    return "\n".join([*lines, f"stack {code.co_stacksize}", ""])


def _argument(instruction: dis.Instruction) -> str:
    if isinstance(instruction.argval, CodeType):
        return f"code {instruction.argval.co_name}"
    return instruction.argrepr or ("" if instruction.arg is None else str(instruction.arg))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in PAIRS:
        path_of(each).write_text(pair(each))
