"""Shadows of the places inside functions: calls, reads and writes of attributes, handlers of exceptions.

They are made only when a pointcut can select such places, because each function's code has to be taken apart for it;
what a function names tells beforehand whether that is worth while.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from weaver.classes import bases_of, class_of, is_class, module_of, name_of, namespace_of
from weaver.scan import is_function, names_of_bases
from weaver.shadow import Kind, Parameter, Shadow
from weaver.swap import code_at
from weaver.weaving.places import Place, find_places

_FUNCTIONS = (FunctionType, BuiltinFunctionType)

NOT_KNOWN: tuple[str, ...] = ()
"""Owners that only a receiver tells."""


def sites_of(shadow: Shadow, kinds: frozenset[Kind]) -> list[Shadow]:
    """Return the shadows of some kinds in the function of an execution shadow, in its comprehensions too."""
    namespace = shadow.function.__globals__
    code = code_at(shadow)
    return [
        _site(shadow, path, place, namespace)
        for path, part in _own_codes(code, shadow.path)
        for place in find_places(part, kinds)
    ]


def may_name(shadow: Shadow, test: Callable[[str], bool]) -> bool:
    """Say whether a place in the function of an execution shadow may have a name that a test takes; a no is sure."""
    codes = _own_codes(code_at(shadow), shadow.path)
    written = {name for _, code in codes for name in code.co_names}
    return any(map(test, written)) or any(map(test, _own_names(written, shadow.function.__globals__)))


def _own_names(written: set[str], namespace: Mapping[str, Any]) -> Iterator[str]:
    """Yield the own names of all that written names may stand for, in modules and classes that they lead to, too."""
    waiting: list[Mapping[str, Any]] = [vars(builtins), namespace]
    known: set[int] = set()
    while waiting:
        inside = waiting.pop()
        for value in [inside[name] for name in written if name in inside]:
            yield from _own_name(value)
            if id(value) not in known:
                known.add(id(value))
                waiting += _namespaces(value)


def _namespaces(value: Any) -> Iterable[Mapping[str, Any]]:
    """Return where the names behind the dot of a module or a class are looked up; nothing of anything else."""
    if is_class(value):
        return map(namespace_of, bases_of(value))
    return [vars(value)] if type(value) is ModuleType else ()


def _own_name(value: Any) -> tuple[str, ...]:
    """Return the name that a function, a method or a class has by itself, nothing of anything else."""
    if is_class(value):
        return (name_of(value),)
    function = value.__func__ if type(value) is MethodType else value
    return (function.__name__,) if type(function) in _FUNCTIONS else ()


def _own_codes(code: CodeType, path: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], CodeType]]:
    """Return a function's code and that of its comprehensions and class bodies, but not of functions inside it."""
    yield path, code
    for place, constant in enumerate(code.co_consts):
        if type(constant) is CodeType and not is_function(constant):
            yield from _own_codes(constant, (*path, place))


def _site(shadow: Shadow, path: tuple[int, ...], place: Place, namespace: Mapping[str, Any]) -> Shadow:
    name, owners = _known(place, namespace) if place.names else (place.name, NOT_KNOWN)
    return replace(
        shadow,
        kind=place.kind,
        name=name,
        line=place.line,
        owners=owners,
        offset=place.at,
        path=path,
        function=shadow.function,
        decorators=_later(shadow),
    )


def _known(place: Place, namespace: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the name and the owners of what a dotted name stands for now; no owners when that is only known later."""
    *front, last = place.names
    owner: Any = None
    if place.kind == "handler":
        caught = _look_up(place.names, namespace)
        return (name_of(caught), names_of_bases(caught)) if is_class(caught) else (last, NOT_KNOWN)
    if front:
        owner = _look_up(front, namespace)
        if type(owner) is ModuleType:
            value = vars(owner).get(last)
            return _named(value, last, (".".join(front), owner.__name__))
        if is_class(owner):
            return last, names_of_bases(owner)
        return last, NOT_KNOWN
    value = _look_up([last], namespace)
    return (last, NOT_KNOWN) if value is None else _named(value, last, (str(namespace.get("__name__")),))


def _look_up(names: Iterable[str], namespace: Mapping[str, Any]) -> Any:
    """Return what a dotted name of modules and classes stands for, None where something else is in between."""
    first, *rest = names
    value = namespace.get(first, vars(builtins).get(first))
    for name in rest:
        if type(value) is ModuleType:
            value = vars(value).get(name)
        elif is_class(value):
            spaces = map(namespace_of, bases_of(value))
            value = next((space[name] for space in spaces if name in space), None)
        else:
            return None
    return value


def _named(value: Any, written: str, places: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the own name of a function or class, and the modules it is found in: its own and where it is written."""
    if type(value) in _FUNCTIONS:
        return value.__name__, tuple(dict.fromkeys((str(value.__module__), *places)))
    if is_class(value):
        return name_of(value), tuple(dict.fromkeys((str(module_of(value)), *places)))
    if type(value) is MethodType and type(value.__func__) in _FUNCTIONS:
        return value.__func__.__name__, names_of_bases(class_of(value.__self__))
    return written, tuple(dict.fromkeys(places))


def as_seen_by_advice(shadow: Shadow) -> Shadow:
    """Return a shadow whose parameters are what advice there gets.

    Shape: inside a function that is what the code runs on, the receiver, and the values by number.
    """
    if shadow.kind == "execution":
        return shadow
    names = ("this", "receiver", *_VALUES[shadow.kind])
    return replace(
        shadow,
        parameters=tuple(Parameter(name, None) for name in names),
        function=shadow.function,
        decorators=_later(shadow),
    )


_VALUES: dict[str, tuple[str, ...]] = {
    "call": tuple(f"argument{number}" for number in range(1, 17)),
    "get": (),
    "set": ("value",),
    "handler": (),
}


def _later(shadow: Shadow) -> tuple[str, ...]:
    return cast("tuple[str, ...]", partial(getattr, shadow, "decorators"))
