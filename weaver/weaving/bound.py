"""What runs in the place of a call, a read, a write or behind a handler, on a match: enter, the thing itself, exit.

A callee that is bound runs one frame deeper than without advice. The frame takes itself out of the traceback, and has
the file, the name, the line and the globals of the code that calls: a warning names the caller, ``namedtuple()`` finds
its module. What needs the caller's own frame (``super()``, ``locals()``) is handed back as it is.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable
from types import BuiltinMethodType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from weaver.weaving.guard import Advice, same
from weaver.weaving.locations import on_line

_READS_FRAME = (
    *(getattr(builtins, name) for name in ("super", "globals", "locals", "vars", "dir", "eval", "exec", "__import__")),
    *(builtins.compile, builtins.breakpoint, warnings.warn, inspect.currentframe, inspect.stack),
    *(traceback.extract_stack, traceback.format_stack, traceback.print_stack),
    *(vars(sys)[name] for name in ("_getframe", "_getframemodulename") if name in vars(sys)),
)
"""What looks at the frame that calls it, or counts frames from there: ``compile`` takes over its future statements."""


class Site(NamedTuple):
    """Where a place is: in what code, on which line."""

    code: CodeType
    line: int


def binder(advice: Advice, site: Site) -> Callable[[Any], object]:
    """Return what makes of ``(receiver, callee, this)`` a callable that runs the callee with advice."""
    enter, leave, throw = advice.enter, advice.exit or same, advice.throw
    everything, step_out = BaseException, _step_out  # its globals are not those of this module
    there: CodeType | None = None

    def bind(found: tuple[Any, Any, Any]) -> object:
        nonlocal there
        receiver, callee, this = found
        if any(callee is one for one in _READS_FRAME):
            return callee
        receiver = _receiver(receiver, callee)

        def advised(*arguments: Any, **keywords: Any) -> object:  # pragma: no cover - runs as a line of the caller
            token = enter(this, receiver, *arguments, *keywords.values())
            try:
                result = callee(*arguments, **keywords)
            except everything as error:
                if throw is not None:
                    throw(token, error)
                step_out(error)
                raise
            return leave(token, result)

        there = there or _code_at(advised, site)
        return FunctionType(there, sys._getframe(1).f_globals, None, None, advised.__closure__)

    return bind


def reader(advice: Advice, name: str, site: Site) -> Callable[[Any], object]:
    """Return what reads an attribute of ``(receiver, this)`` with advice."""
    enter, leave, throw = advice.enter, advice.exit or same, advice.throw

    def read(found: tuple[Any, Any]) -> object:  # pragma: no cover - runs as a line of the caller
        receiver, this = found
        token = enter(this, receiver)
        try:
            value = getattr(receiver, name)
        except BaseException as error:
            if throw is not None:
                throw(token, error)
            _step_out(error)
            raise
        return leave(token, value)

    return FunctionType(_code_at(read, site), globals(), None, None, read.__closure__)


def writer(advice: Advice, name: str, site: Site) -> Callable[[Any], object]:
    """Return what writes an attribute, given ``(value, receiver, this)``, with advice."""
    enter, leave, throw = advice.enter, advice.exit or same, advice.throw

    def write(found: tuple[Any, Any, Any]) -> None:  # pragma: no cover - runs as a line of the caller
        value, receiver, this = found
        token = enter(this, receiver, value)
        try:
            setattr(receiver, name, value)
        except BaseException as error:
            if throw is not None:
                throw(token, error)
            _step_out(error)
            raise
        leave(token, None)

    return FunctionType(_code_at(write, site), globals(), None, None, write.__closure__)


def catcher(advice: Advice) -> Callable[[Any], object]:
    """Return what tells the advice of ``(error, this)`` when a handler begins; a handler has no end."""
    enter, leave = advice.enter, advice.exit or same

    def caught(found: tuple[BaseException, Any]) -> None:
        error, this = found
        leave(enter(this, error, error), None)

    return caught


def _code_at(function: Callable[..., object], site: Site) -> CodeType:
    """Return a function's code as if it stood, whole, at a place in other code."""
    assert isinstance(function, FunctionType)
    code = function.__code__
    return code.replace(
        co_filename=site.code.co_filename,
        co_name=site.code.co_name,
        co_qualname=site.code.co_qualname,
        co_firstlineno=site.line,
        co_linetable=on_line(site.line, site.line, len(code.co_code) // 2),
    )


def _receiver(receiver: object, callee: object) -> object:
    """Return what a callee is called on; for ``super()`` the object itself."""
    if type(receiver) is super:
        return getattr(receiver, "__self__")  # noqa: B009  not in the stubs
    if receiver is None and type(callee) in {MethodType, BuiltinMethodType}:
        return callee.__self__  # type: ignore[attr-defined]
    return receiver


def _step_out(error: BaseException) -> None:
    """Take the frame of the advice out of a traceback; raising the error again does not put it back."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
