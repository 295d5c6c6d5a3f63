"""One woven code object: the untouched body behind a guard, and behind that a second copy with the advice.

::

    MAKE_CELL.. COPY_FREE_VARS.. RETURN_GENERATOR.. RESUME
    gate.on ? no -> body;  get().mK ? yes -> advised            (guard; its line is that of the body's first)
    body                                                        (byte for byte the original)
    advised: push exit; push enter(arguments...)                (the token lies at the bottom of the stack)
      copy of the body, every return through exit(token, value)
      handler: throw(token, error), raise again

Advice that only enters needs no second copy: it stands between the guard and the body.

No local variable is added, existing constants and names keep their places, nothing has a line that was not there. A
debugger sees one thing: a generator that is closed while it is advised runs into the handler, where CPython 3.13 might
have dropped it as it stands.

Constants hold the advice, never the function or a frame, so that no cycle goes through a code object. They stand behind
the function's own, so other advice of the same shape can be put into code that is woven already.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from operator import length_hint
from types import CodeType, SimpleNamespace
from typing import Any

from weaver.weaving.assembler import RESUME, Row, exception_rows, exception_table, instruction, particular
from weaver.weaving.body import copied, regions
from weaver.weaving.locations import on_line, split, stretched


def nothing(*arguments: object) -> None:
    """Be the ``enter`` of advice that has none; it is not called."""
    del arguments


class Passes(repeat):  # type: ignore[type-arg]  # it takes none at run time
    """How often the advice of one monitor was passed at one shadow: ``next(passes)`` counts one.

    An iterator that counts down what is left, because the woven code counts too, and no addition of two integers in
    Python is as cheap as this call. It cannot be interrupted by another thread.
    """

    __slots__ = ()

    def __new__(cls) -> Passes:
        """Return a count of nothing."""
        return super().__new__(cls, None, sys.maxsize)

    @property
    def n(self) -> int:
        """The count."""
        return sys.maxsize - length_hint(self)

    def __reduce__(self) -> tuple[object, ...]:
        """Become a count of nothing, as a gate becomes one that is shut."""
        return iter, ((),)


class Gate:
    """A process-wide switch of one dye mask: off while no live dye object matches it."""

    __slots__ = ("on",)

    def __init__(self, on: bool = False) -> None:
        self.on = on

    def __reduce__(self) -> tuple[object, ...]:
        """Become a gate that is shut for ever, in code that is pickled by value; no weaver is needed to read it."""
        return SimpleNamespace, (), {"on": False}


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

    Shape: ``enter(*arguments)`` returns a token (without ``arguments`` it is called as ``enter()``; the token of
    ``nothing`` is None), ``exit(token, result)`` the result, ``throw(token, error)`` nothing; ``passes`` counts each
    time; without a guard the advice always runs. All three must catch what goes wrong in them.
    """

    enter: Callable[..., object] = nothing
    exit: Callable[[Any, Any], Any] | None = None
    throw: Callable[[Any, BaseException], object] | None = None
    guard: Guard | None = None
    arguments: bool = True
    passes: Passes | None = None


def weave(code: CodeType, advice: Advice) -> CodeType:
    """Return a woven copy of a code object.

    Errors: ValueError for code that has no place for advice.
    """
    data = code.co_code
    start = data[::2].find(RESUME) + 1
    if not 0 < 2 * start < len(data):
        raise ValueError("there is no RESUME in it")
    if _only_enters(advice) and advice.enter is nothing and advice.passes is None:
        raise ValueError("there is no advice to weave in")
    return _only_entered(code, advice, start) if _only_enters(advice) else _copied(code, advice, start)


def inert() -> tuple[object, ...]:
    """Return what ``__reduce__`` of an object should whose methods are the ``enter``, ``exit`` and ``throw`` of advice.

    Code that is pickled by value, as some libraries do, then holds advice that does nothing, made of built-in things:
    ``chain`` takes any arguments and is the token, ``{}.get(token, value)`` is the value.
    """
    return SimpleNamespace, (), {"enter": chain, "exit": {}.get, "throw": {}.get}


def same(token: object, value: object) -> object:
    """Leave the result as it is: the exit of advice that has none."""
    del token
    return value


def _only_enters(advice: Advice) -> bool:
    return advice.exit is None and advice.throw is None


def _constants(advice: Advice) -> dict[str, object]:
    """Return the constants of woven code, in their order behind those of the function."""
    guard = advice.guard
    found: dict[str, object] = {}
    if guard is not None:
        found |= {"get": guard.get} if guard.gate is None else {"gate": guard.gate, "get": guard.get}
    if advice.passes is not None:
        found |= {"next": next, "passes": advice.passes}
    if advice.enter is not nothing:
        found["enter"] = advice.enter
    elif not _only_enters(advice):
        found["token"] = None
    if not _only_enters(advice):
        found["exit"] = advice.exit or same
    if advice.throw is not None:
        found["throw"] = advice.throw
    return found


def _names(advice: Advice) -> tuple[str, ...]:
    """Return the names of woven code, in their order behind those of the function, which may have the same ones."""
    return () if advice.guard is None else ("on", advice.guard.slot)


class _Parts:
    """The instructions that are woven in."""

    def __init__(self, code: CodeType, advice: Advice) -> None:
        self._code = code
        self._advice = advice
        self.constants = _constants(advice)
        self._places = {name: at for at, name in enumerate(self.constants, len(code.co_consts))}
        stars = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
        self.parameters = code.co_argcount + code.co_kwonlyargcount + stars

    def guarded(self, wanted: bool, distance: int, advised: bytes) -> bytes:
        """Return ``advised`` behind the test of the slot, which jumps over ``distance`` when it is as ``wanted``.

        When the gate is shut, all this is jumped over.
        """
        guard = self._advice.guard
        if guard is None:
            return instruction("JUMP_FORWARD", distance) if wanted else advised
        names = len(self._code.co_names)
        tested = self._callee("get") + _call(0) + _attribute(names + 1) + _jump_if(wanted, distance) + advised
        if guard.gate is None:
            return tested
        return self._constant("gate") + _attribute(names) + _jump_if(False, _units(tested)) + tested

    def count(self) -> bytes:
        """Call ``next(passes)``."""
        if self._advice.passes is None:
            return b""
        return self._callee("next") + self._constant("passes") + _call(1) + instruction("POP_TOP")

    def enter(self) -> bytes:
        """Call ``enter`` with every parameter, in the order of ``co_varnames``; that leaves the token on the stack."""
        if self._advice.enter is nothing:
            return self._constant("token")
        if not self._advice.arguments:
            return self._callee("enter") + _call(0)
        code, cells = self._code, self._code.co_cellvars
        slots = code.co_varnames + tuple(name for name in cells if name not in code.co_varnames) if cells else ()
        loads = [
            instruction("LOAD_DEREF", slots.index(name)) if name in cells else instruction("LOAD_FAST", at)
            for at, name in enumerate(code.co_varnames[: self.parameters])
        ]
        return b"".join((self._callee("enter"), *loads, _call(self.parameters)))

    def prologue(self) -> bytes:
        """Lay the exit and the token at the bottom of the stack."""
        return self.count() + self._callee("exit") + self.enter() + _BEHIND_ENTER

    def handler(self) -> bytes:
        """Call ``throw(token, error)`` and raise again; on the stack lie exit (2), token, offset, previous, error."""
        if self._advice.throw is None:
            return instruction("PUSH_EXC_INFO") + instruction("RERAISE", 2)
        arguments = instruction("COPY", 6) + instruction("COPY", 4)
        told = self._callee("throw") + arguments + _call(2) + instruction("POP_TOP")
        return instruction("PUSH_EXC_INFO") + told + instruction("RERAISE", 2)

    def _callee(self, name: str) -> bytes:
        constant = self._constant(name)
        return _PUSH_NULL + constant if particular.NULL_FIRST else constant + _PUSH_NULL

    def _constant(self, name: str) -> bytes:
        return instruction("LOAD_CONST", self._places[name])


_PUSH_NULL = instruction("PUSH_NULL")
_BEHIND_ENTER = b"".join(map(instruction, particular.BEHIND_ENTER))
_CLEANUP = instruction("COPY", 3) + instruction("POP_EXCEPT") + instruction("RERAISE", 1)
"""What follows when the handler itself raises."""


def _only_entered(code: CodeType, advice: Advice, start: int) -> CodeType:
    """Weave in advice that only enters: between guard and body."""
    parts, data = _Parts(code, advice), code.co_code
    told = parts.count()
    if advice.enter is not nothing:
        told += parts.enter() + instruction("POP_TOP")
    front = parts.guarded(False, _units(told), told)
    lines = split(code, start)
    return code.replace(
        co_code=data[: 2 * start] + front + data[2 * start :],
        co_linetable=lines.head + on_line(lines.first, lines.head_line, _units(front)) + b"".join(lines.body),
        co_exceptiontable=exception_table(_behind(row, start, _units(front)) for row in exception_rows(code)),
        co_consts=(*code.co_consts, *parts.constants.values()),
        co_names=(*code.co_names, *_names(advice)),
        co_stacksize=max(code.co_stacksize, 2 + parts.parameters, 3),
    )


def _copied(code: CodeType, advice: Advice, start: int) -> CodeType:
    """Weave in advice that leaves, too: around a second copy of the body."""
    parts, data = _Parts(code, advice), code.co_code
    body = data[2 * start :]
    front, prologue, handler = parts.guarded(True, _units(body), b""), parts.prologue(), parts.handler()
    copy, lines, rows = copied(body), split(code, start), list(exception_rows(code))
    advised = start + _units(front + body + prologue)
    raised = _units(copy.data)
    cleanup = advised + raised + _units(handler)
    inner = [Row(max(r.start - start, 0), r.end - start, r.handler - start, r.depth, r.lasti) for r in rows]
    table = [_behind(row, start, _units(front)) for row in rows]
    table += [_behind(row, 0, advised) for row in regions(copy, inner, raised)]
    table.append(Row(advised + raised, cleanup, cleanup, 5, True))
    return code.replace(
        co_code=data[: 2 * start] + front + body + prologue + copy.data + handler + _CLEANUP,
        co_linetable=b"".join(
            (
                lines.head,
                on_line(lines.first, lines.head_line, _units(front)),
                *lines.body,
                on_line(lines.first, lines.last, _units(prologue)),
                stretched(lines.body, copy.growth.pairs),
                on_line(None, 0, _units(handler + _CLEANUP)),
            )
        ),
        co_exceptiontable=exception_table(table),
        co_consts=(*code.co_consts, *parts.constants.values()),
        co_names=(*code.co_names, *_names(advice)),
        co_stacksize=max(code.co_stacksize + 3, 4 + parts.parameters, 10),
    )


def _behind(row: Row, start: int, units: int) -> Row:
    """Move a row by what is put in at ``start``; one that begins in front of that covers it."""
    first, end, handler, depth, lasti = row
    return Row(first + units * (first >= start), end + units, handler + units, depth, lasti)


def _attribute(name: int) -> bytes:
    return instruction("LOAD_ATTR", name << particular.ATTRIBUTE_SHIFT)


def _jump_if(wanted: bool, distance: int) -> bytes:
    return instruction(particular.JUMP_IF_TRUE if wanted else particular.JUMP_IF_FALSE, distance)


def _call(arguments: int) -> bytes:
    return b"".join([instruction(name, arguments) for name in particular.CALL])


def _units(data: bytes) -> int:
    return len(data) // 2
