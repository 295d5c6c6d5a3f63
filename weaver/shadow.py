"""Joinpoint shadows: the places in a module's functions where something can be woven, with what pointcuts ask of them.

A shadow outlives nothing: it holds its function weakly, so that functions and modules die when the program drops them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any, Literal
from weakref import ref

Kind = Literal["execution", "call", "handler", "get", "set"]
CoKind = Literal["plain", "generator", "coroutine", "async_generator"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``annotation`` is its text."""

    name: str
    annotation: str | None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Shadow:
    """A function, or a place in one, that can be woven.

    Shape: ``module``, ``qualname``, ``parameters``, ``returns`` and ``function`` are those of the enclosing function;
    ``name`` is the function's, the callee's, the exception class's or the attribute's; ``class_name`` is
    ``module.Class`` or None; ``bases`` are the dotted names of that class and its bases, in method resolution order;
    ``owners`` are the dotted names of what a called, caught, read or written name belongs to, empty when only known at
    run time; ``offset`` tells two such places in one function apart; ``decorators`` are dotted names as written, those
    of a method's class prefixed ``class:``. A function inside another one has the outermost as its ``function``;
    ``path`` are the places of the constants that lead from that one's code to its own. ``obstacle`` says why it cannot
    be woven, if so.
    Errors: ReferenceError by ``function`` when it is gone.
    """

    module: str
    qualname: str
    name: str
    filename: str
    line: int
    class_name: str | None
    bases: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    returns: str | None
    function: FunctionType = field(repr=False)
    kind: Kind = "execution"
    owners: tuple[str, ...] = ()
    offset: int = 0
    decorators: tuple[str, ...] = ()
    flags: CoKind = "plain"
    path: tuple[int, ...] = ()
    obstacle: str = ""

    @property
    def id(self) -> str:
        """``module:qualname``; of a place in a function with its kind, name and line."""
        where = f"{self.module}:{self.qualname}"
        return where if self.kind == "execution" else f"{where} {self.kind} {self.name} line {self.line}"

    @property
    def has_owner(self) -> bool:
        """Say whether the first argument is the object, or the class, that a method was called on."""
        return bool(self.class_name and self.parameters) and self.parameters[0].name in {"self", "cls"}

    @property
    def is_alive(self) -> bool:
        """Say whether the program still has the function."""
        return _WEAK.reference(self)() is not None


class _Weakly:
    """The slot ``function``, made to hold its value weakly."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, shadow: Shadow | None, owner: type | None = None) -> Any:
        if shadow is None:
            return self
        function = self.reference(shadow)()
        if function is None:
            raise ReferenceError(f"the function of {shadow.id} is gone")
        return function

    def __set__(self, shadow: Shadow, function: object) -> None:
        try:
            reference: Callable[[], object] = ref(function)
        except TypeError:
            reference = lambda: function  # noqa: E731  what cannot be held weakly is no function that we weave
        self._slot.__set__(shadow, reference)

    def reference(self, shadow: Shadow) -> Callable[[], object]:
        """Return what gives the function, or None when it is gone."""
        found: Callable[[], object] = self._slot.__get__(shadow)
        return found


class _Lazily:
    """The slot ``decorators``, made to take a function that finds them when somebody asks."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, shadow: Shadow | None, owner: type | None = None) -> Any:
        if shadow is None:
            return self
        found = self._slot.__get__(shadow)
        return found() if callable(found) else found

    def __set__(self, shadow: Shadow, value: object) -> None:
        self._slot.__set__(shadow, value)


_WEAK = _Weakly(vars(Shadow)["function"])
setattr(Shadow, "function", _WEAK)  # noqa: B010  the field keeps its type for whoever reads it
setattr(Shadow, "decorators", _Lazily(vars(Shadow)["decorators"]))  # noqa: B010


def parameter_names(code: CodeType) -> tuple[str, ...]:
    """Return the names of all parameters, in the order of ``co_varnames``."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_varnames[:count]


def kind_of_code(code: CodeType) -> CoKind:
    """Say what calling the code gives: its result, a generator, a coroutine, an asynchronous generator."""
    flags: tuple[tuple[int, CoKind], ...] = (
        (inspect.CO_ASYNC_GENERATOR, "async_generator"),
        (inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE, "coroutine"),
        (inspect.CO_GENERATOR, "generator"),
    )
    return next((kind for flag, kind in flags if code.co_flags & flag), "plain")
