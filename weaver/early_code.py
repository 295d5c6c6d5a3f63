"""A module's code with the functions in it woven, before its body runs: made at build time, put together at import.

A row stands for a code object among the constants of another: one to weave, or one on the way to those inside it. At
import each is compared with the present one, so that nothing is put into code that it was not made for.

Shape: a row is ``(place among the constants, key of the code, numbers of the pointcuts that select it, parts, rows
inside it)``; the parts are instructions, location table, exception table and stack size, None where nothing is woven.
The advice is always guarded and has all three of enter, exit and throw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple, cast
from zlib import crc32

from weaver.pointcut.match import match
from weaver.pointcut.needs import tells_by_name
from weaver.pointcut.nodes import Pointcut
from weaver.scan import shadows_inside
from weaver.swap import Path as Places
from weaver.swap import lay_early
from weaver.weaving import Advice, Guard, weave

Row = tuple[int, tuple[object, ...], tuple[int, ...], Any, list[Any]]

_MARKS: Any = ("weaver:gate", "weaver:get", "weaver:enter", "weaver:exit", "weaver:throw")
_SLOT = "weaver:slot"


class EarlyConstants(NamedTuple):
    """What stands in woven code for its advice: gate, get, enter, exit and throw; and the slot that is read."""

    constants: tuple[object, ...]
    slot: str


AdviceAt = Callable[[tuple[int, ...], CodeType], EarlyConstants | None]
"""Gives what is woven into a code object that some pointcuts, by number, select; None to leave it as it is."""


def rows_of(module: str, filename: str, pointcuts: Sequence[Pointcut]) -> list[Row]:
    """Weave what the pointcuts select in a module's source; those that ask for more than names select nothing here.

    Errors: ValueError for code that cannot be woven; OSError, SyntaxError.
    """
    code = compile(Path(filename).read_bytes(), filename, "exec", dont_inherit=True)
    body = FunctionType(code, {})
    known = [(number, pointcut) for number, pointcut in enumerate(pointcuts) if tells_by_name(pointcut)]
    chosen = {
        shadow.path: tuple(number for number, pointcut in known if match(pointcut, shadow).matched)
        for shadow in shadows_inside(module, body)
    }
    return _rows(code, (), chosen)


def weave_early(code: CodeType, rows: Iterable[Row], advice_at: AdviceAt) -> CodeType:
    """Return the code of a module with the functions in it woven.

    Errors: ValueError for code that the rows were not made for; TypeError, LookupError for rows that are none.
    """
    return code.replace(co_consts=_constants(code, rows, advice_at))


def _rows(code: CodeType, path: Places, chosen: Mapping[Places, tuple[int, ...]]) -> list[Row]:
    rows: list[Row] = []
    for place, constant in enumerate(code.co_consts):
        if type(constant) is CodeType:
            here = (*path, place)
            numbers, inside = chosen.get(here, ()), _rows(constant, here, chosen)
            if numbers or inside:
                rows.append((place, _key(constant), numbers, _parts(constant) if numbers else None, inside))
    return rows


def _parts(code: CodeType) -> tuple[object, ...]:
    gate, get, enter, leave, throw = _MARKS
    woven = weave(code, Advice(enter, leave, throw, Guard(gate, get, _SLOT)))
    behind = (*woven.co_consts[len(code.co_consts) :], *woven.co_names[len(code.co_names) :])
    if behind != (*_MARKS, "on", _SLOT):
        raise ValueError("its advice is not where it is looked for")
    return woven.co_code, woven.co_linetable, woven.co_exceptiontable, woven.co_stacksize


def _constants(code: CodeType, rows: Iterable[Row], advice_at: AdviceAt) -> tuple[object, ...]:
    found = list(code.co_consts)
    for place, key, numbers, parts, inside in rows:
        original = found[place]
        if key != _key(original):
            raise ValueError("stale: another code")
        constants = _constants(original, inside, advice_at) if inside else original.co_consts
        advice = advice_at(numbers, original) if parts is not None else None
        if advice is not None:
            found[place] = _woven(original, constants, cast("Any", parts), advice)
        elif inside:
            found[place] = original.replace(co_consts=constants)
        else:
            continue
        lay_early(found[place], original)
    return tuple(found)


def _woven(original: CodeType, constants: tuple[object, ...], parts: Any, advice: EarlyConstants) -> CodeType:
    instructions, lines, exceptions, depth = parts
    return original.replace(
        co_code=instructions,
        co_linetable=lines,
        co_exceptiontable=exceptions,
        co_stacksize=depth,
        co_consts=constants + advice.constants,
        co_names=(*original.co_names, "on", advice.slot),
    )


def _key(code: CodeType) -> tuple[object, ...]:
    """Return what its woven form is made from; as the source is the same, a checksum finds what else could differ."""
    checksum = crc32(code.co_exceptiontable, crc32(code.co_linetable, crc32(code.co_code)))
    return checksum, code.co_names, len(code.co_consts), code.co_stacksize, code.co_flags, code.co_argcount
