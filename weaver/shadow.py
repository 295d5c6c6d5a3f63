"""Joinpoint shadows: the functions of a module at which an execution can be woven, with what pointcuts ask about them.

A scan looks only at the module's namespace and the classes in it: nothing is called and nothing imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partialmethod
from types import FunctionType, ModuleType
from typing import Literal

Kind = Literal["execution", "call", "handler", "get", "set"]
CoKind = Literal["plain", "generator", "coroutine", "async_generator"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``annotation`` is its text."""

    name: str
    annotation: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A function, or a place in one, that can be woven.

    Shape: ``module``, ``qualname``, ``parameters``, ``returns`` and ``function`` are those of the enclosing function;
    ``name`` is the function's, the callee's, the exception class's or the attribute's; ``class_name`` is
    ``module.Class`` or None; ``bases`` are the dotted names of that class and its bases, in method resolution order;
    ``owners`` are the dotted names of what a called, caught, read or written name belongs to, empty when only known at
    run time; ``offset`` tells two such places in one function apart; ``decorators`` are dotted names as written, those
    of a method's class prefixed ``class:``.
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
    function: FunctionType
    kind: Kind = "execution"
    owners: tuple[str, ...] = ()
    offset: int = 0
    decorators: tuple[str, ...] = ()
    flags: CoKind = "plain"

    @property
    def id(self) -> str:
        """``module:qualname``."""
        return f"{self.module}:{self.qualname}"


def scan_module(module: ModuleType) -> list[Shadow]:
    """Return a shadow for every function that the module defines, in its classes too."""
    found: dict[int, Shadow] = {}
    for function, owner in _functions(vars(module), module.__name__, None, set()):
        if id(function) not in found:
            found[id(function)] = _shadow(function, owner)
    return list(found.values())


def _functions(
    namespace: Mapping[str, object], module: str, owner: type | None, seen: set[int]
) -> Iterator[tuple[FunctionType, type | None]]:
    for value in list(namespace.values()):
        for function in _unwrap(value):
            if function.__module__ == module:
                yield function, owner
        if isinstance(value, type) and getattr(value, "__module__", None) == module and id(value) not in seen:
            seen.add(id(value))
            yield from _functions(vars(value), module, value, seen)


def _unwrap(value: object) -> Iterator[FunctionType]:
    """Return the functions behind an attribute: of a method, a property, a decorated function.

    Of a chain of decorators only the innermost function counts; the others run it.
    """
    candidates: list[object] = [value]
    if isinstance(value, (staticmethod, classmethod)):
        candidates = [value.__func__]
    elif isinstance(value, property):
        candidates = [value.fget, value.fset, value.fdel]
    elif isinstance(value, (cached_property, partialmethod)):
        candidates = [value.func]
    for candidate in candidates:
        innermost: FunctionType | None = None
        steps = 0
        while candidate is not None and steps < 20:
            if isinstance(candidate, FunctionType):
                innermost = candidate
            candidate, steps = inspect.getattr_static(candidate, "__wrapped__", None), steps + 1
        if innermost is not None:
            yield innermost


def _shadow(function: FunctionType, owner: type | None) -> Shadow:
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    annotations = getattr(function, "__annotations__", {}) or {}
    parameters = tuple(Parameter(name, _text(annotations.get(name))) for name in code.co_varnames[:count])
    class_name = None if owner is None else f"{owner.__module__}.{owner.__qualname__}"
    bases = () if owner is None else tuple(f"{base.__module__}.{base.__qualname__}" for base in owner.__mro__)
    return Shadow(
        function.__module__,
        function.__qualname__,
        function.__name__,
        code.co_filename,
        code.co_firstlineno,
        class_name,
        bases,
        parameters,
        _text(annotations.get("return")),
        function,
    )


def _text(annotation: object) -> str | None:
    if annotation is None:
        return None
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
