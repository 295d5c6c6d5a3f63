"""Keeps what goes wrong in a function inside it, without a frame or an instruction more on its way.

The function gets a copy of its code object whose exception table leads to a handler behind the body::

    body                                   (as it was, in its place; of an exit, returns are changed as follows)
    tail:    RETURN_VALUE                  (a last return of a constant loads the result instead and comes here)
             POP_TOP                       (a return of a value leads here, what it would return is dropped)
             LOAD_FAST 1; RETURN_VALUE     (any other return of a constant leads here)
    handler: failed(error); return         (None, or the result that an exit was given)

What does not fit (a callable that is no plain function, one with handlers of its own) gets a function around it that
does the same and costs a call more.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from weaver.weaving.assembler import CACHES, OP, particular

Failed = Callable[[BaseException], object]
"""Is told of every error; what it raises goes on to the caller."""

_SPECIAL = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_KEPT = 256
_TAIL = {"RETURN_VALUE": 1, "RETURN_CONST": 2}
"""Where behind the body a return leads to: with a value on the stack, and without one."""

_templates: dict[tuple[int, bool], tuple[CodeType, CodeType | None]] = {}


class _Placeholder:
    """Stands for ``failed`` in a template; nothing is equal to it."""


_FAILED = _Placeholder()


def isolated(function: Callable[..., Any], failed: Failed) -> Callable[..., Any]:
    """Return the function with its errors kept in; it returns None when it fails."""
    made = _copy(function, failed, keeps=False)
    if made is not None:
        return made

    def kept(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BaseException as error:  # noqa: BLE001 - failed() decides what may pass
            failed(error)
            return None

    return kept


def isolated_exit(function: Callable[[Any, Any], Any], failed: Failed) -> Callable[[Any, Any], Any]:
    """Return a function of token and result with its errors kept in, which returns the result whatever it does."""
    made = _copy(function, failed, keeps=True)
    if made is not None:
        return made

    def kept(token: Any, result: Any) -> Any:
        try:
            function(token, result)
        except BaseException as error:  # noqa: BLE001 - as above
            failed(error)
        return result

    return kept


def _copy(function: Callable[..., Any], failed: Failed, *, keeps: bool) -> FunctionType | None:
    """Return a copy of a plain function with a handler in it, None when it does not fit."""
    if not isinstance(function, FunctionType):
        return None
    code = function.__code__
    found = _templates.get((id(code), keeps))  # by identity: to compare code objects is to compare their constants
    if found is None:
        if len(_templates) >= _KEPT:
            _templates.clear()
        found = _templates[id(code), keeps] = code, _template(code, keeps=keeps)
    if found[1] is None:
        return None
    constants = tuple(failed if one is _FAILED else one for one in found[1].co_consts)
    made = FunctionType(
        found[1].replace(co_consts=constants),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _template(code: CodeType, *, keeps: bool) -> CodeType | None:
    constants = (*code.co_consts, _FAILED, None)
    if code.co_exceptiontable or code.co_flags & _SPECIAL or len(constants) > 256:
        return None
    body = bytearray(code.co_code)
    length = len(body)
    if keeps and not _redirect(body, code):
        return None
    result = [("LOAD_FAST", 1), ("RETURN_VALUE", 0)]
    tail = [result[-1], ("POP_TOP", 0), *result] if keeps else []
    empty = [("LOAD_CONST", len(constants) - 1), ("RETURN_VALUE", 0)]
    handler = [("PUSH_EXC_INFO", 0), *_told(len(constants) - 2)]
    handled = [("POP_EXCEPT", 0), *(result if keeps else empty)]
    cleanup = [("COPY", 3), ("POP_EXCEPT", 0), ("RERAISE", 1)]
    places = [length // 2]
    for part in (tail, handler, handled, cleanup):
        body += _units(part)
        places.append(len(body) // 2)
    end, at_handler, at_handled, at_cleanup, behind = places
    return code.replace(
        co_code=bytes(body),
        co_consts=constants,
        co_linetable=code.co_linetable + _without_line(behind - end),
        co_exceptiontable=_row(_first(code) // 2, end, at_handler, 0) + _row(at_handler, at_handled, at_cleanup, 3),
        co_stacksize=max(code.co_stacksize, 6),
    )


def _told(failed: int) -> list[tuple[str, int]]:
    """Return ``failed(error)``; what is left on the stack is what was handled before."""
    pair = [("PUSH_NULL", 0), ("LOAD_CONST", failed)]
    callee = pair if particular.NULL_FIRST else pair[::-1]
    calls = [(name, 1) for name in particular.CALL]
    return [*callee, ("COPY", 3), *calls, ("POP_TOP", 0), ("POP_TOP", 0)]


def _first(code: CodeType) -> int:
    """Return the offset behind RESUME: before it the frame is not whole."""
    at = 0
    while code.co_code[at] != OP["RESUME"]:
        at += 2 + 2 * CACHES[code.co_code[at]]
    return at + 2


def _redirect(body: bytearray, code: CodeType) -> bool:
    """Turn every return into one of the result, or into a jump to that behind the body; say whether that could be done.

    Not where the parameter that holds the result may change.
    """
    if code.co_argcount != 2 or code.co_varnames[1] in code.co_cellvars:
        return False
    at, end, before = 0, len(body), 0
    targets = frozenset(dis.findlabels(code.co_code))  # type: ignore[arg-type]  # bytes are what it takes
    while at < end:
        name = dis.opname[body[at]]
        behind = at + 2 + 2 * CACHES[body[at]]
        if name.startswith(("STORE_FAST", "DELETE_FAST")) and 1 in {body[at + 1], body[at + 1] >> 4, body[at + 1] & 15}:
            return False
        if name == "RETURN_VALUE" and body[before] == OP["LOAD_CONST"] and at not in targets:
            body[before : before + 2] = bytes((OP["LOAD_FAST"], 1))
        elif name == "RETURN_CONST" and behind == end:
            body[at:end] = bytes((OP["LOAD_FAST"], 1))
        elif name in {"RETURN_VALUE", "RETURN_CONST"}:
            distance = (end - behind) // 2 + _TAIL[name]
            if distance > 255 or body[at - 2] == OP["EXTENDED_ARG"]:
                return False
            body[at : at + 2] = bytes((OP["JUMP_FORWARD"], distance))
        before, at = at, behind
    return True


def _units(instructions: list[tuple[str, int]]) -> bytes:
    return b"".join(bytes((OP[name], argument)) + bytes(2 * CACHES[OP[name]]) for name, argument in instructions)


def _without_line(units: int) -> bytes:
    """Return location entries without a line; one holds up to eight units."""
    return bytes(0x80 | 15 << 3 | min(8, units - at) - 1 for at in range(0, units, 8))


def _row(start: int, end: int, handler: int, depth_and_lasti: int) -> bytes:
    """Return a row of the exception table.

    Source: CPython's Objects/exception_handling_notes.txt.
    """
    row = bytearray()
    for value in (start, end - start, handler, depth_and_lasti):
        groups = [value >> shift & 63 for shift in (12, 6, 0)]
        while len(groups) > 1 and not groups[0]:
            groups.pop(0)
        row += bytes(group | 64 for group in groups[:-1]) + bytes(groups[-1:])
    row[0] |= 128
    return bytes(row)
