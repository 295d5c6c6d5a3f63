"""A module's code with the functions in it woven, before its body runs: made at build time, put together at import.

A row stands for a code object among the constants of another: one to weave, or one on the way to those inside it. At
import each is compared with the present one, so that nothing is put into code that it was not made for.

Shape: a row is ``(place among the constants, key of the code, choice, rows inside it, instructions, location table,
exception table, stack size)``, without the last four where nothing is woven; the choice tells by which pointcuts it is
selected: it has the bit of each one's number. The advice is always guarded and has all three of enter, exit and throw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any
from zlib import crc32

from weaver.pointcut.match import match
from weaver.pointcut.needs import tells_by_name
from weaver.pointcut.nodes import Pointcut
from weaver.scan import shadows_inside
from weaver.swap import Path as Places
from weaver.swap import lay_early
from weaver.weaving import Advice, Guard, weave

Row = tuple[Any, ...]

_MARKS: Any = ("weaver:gate", "weaver:get", "weaver:enter", "weaver:exit", "weaver:throw")
_SLOT = "weaver:slot"


AdviceOfAll = tuple[tuple[object, ...], tuple[str, str]]
"""What is woven into all code objects that a choice of pointcuts selects.

Shape: the constants gate, get, enter, exit and throw; the names of what is read of the gate and of what ``get`` gives.
"""

AdviceAt = Callable[[int], AdviceOfAll | None]
"""Gives the advice of a choice; None to leave the code as it is."""


def rows_of(module: str, filename: str, pointcuts: Sequence[Pointcut]) -> tuple[Row, ...]:
    """Weave what the pointcuts select in a module's source; those that ask for more than names select nothing here.

    Errors: ValueError for code that cannot be woven; OSError, SyntaxError.
    """
    code = compile(Path(filename).read_bytes(), filename, "exec", dont_inherit=True)
    body = FunctionType(code, {})
    known = [(1 << number, pointcut) for number, pointcut in enumerate(pointcuts) if tells_by_name(pointcut)]
    chosen = {
        shadow.path: sum(bit for bit, pointcut in known if match(pointcut, shadow).matched)
        for shadow in shadows_inside(module, body)
    }
    return _rows(code, (), chosen)


def weave_early(code: CodeType, rows: Iterable[Row], advice_at: AdviceAt) -> CodeType:
    """Return the code of a module with the functions in it woven.

    Errors: ValueError for code that the rows were not made for; TypeError, LookupError for rows that are none.
    """
    return code.replace(co_consts=_constants(code, rows, advice_at))


def _rows(code: CodeType, path: Places, chosen: Mapping[Places, int]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for place, constant in enumerate(code.co_consts):
        if type(constant) is CodeType:
            here = (*path, place)
            choice, inside = chosen.get(here, 0), _rows(constant, here, chosen)
            if choice or inside:
                rows.append((place, _key(constant), choice, inside, *(_parts(constant) if choice else ())))
    return tuple(rows)


def _parts(code: CodeType) -> tuple[object, ...]:
    gate, get, enter, leave, throw = _MARKS
    woven = weave(code, Advice(enter, leave, throw, Guard(gate, get, _SLOT)))
    behind = (*woven.co_consts[len(code.co_consts) :], *woven.co_names[len(code.co_names) :])
    if behind != (*_MARKS, "on", _SLOT):
        raise ValueError("its advice is not where it is looked for")
    return woven.co_code, woven.co_linetable, woven.co_exceptiontable, woven.co_stacksize


def _constants(code: CodeType, rows: Iterable[Row], advice_at: AdviceAt) -> tuple[object, ...]:
    found = list(code.co_consts)
    for place, key, choice, inside, *parts in rows:
        original = found[place]
        if key != _key(original):
            raise ValueError("stale: another code")
        constants = _constants(original, inside, advice_at) if inside else original.co_consts
        advice = advice_at(choice) if choice else None
        if advice is not None:
            found[place] = _woven(original, constants, parts, advice)
        elif inside:
            found[place] = original.replace(co_consts=constants)
        else:
            continue
        lay_early(found[place], original)
    return tuple(found)


def _woven(original: CodeType, constants: tuple[object, ...], parts: Any, advice: AdviceOfAll) -> CodeType:
    instructions, lines, exceptions, depth = parts
    behind, names = advice
    return original.replace(
        co_code=instructions,
        co_linetable=lines,
        co_exceptiontable=exceptions,
        co_stacksize=depth,
        co_consts=constants + behind,
        co_names=original.co_names + names,
    )


def _key(code: CodeType) -> int:
    """Return a checksum of the code's lines; the hash of the source has told already that they are of the same text."""
    return crc32(code.co_linetable, code.co_firstlineno)
