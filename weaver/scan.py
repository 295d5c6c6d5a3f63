"""Finds the functions of a module: each becomes a shadow.

Nothing of the program is called and nothing imported: values are looked at by their exact type. The walk goes through
the namespace, its classes, containers, descriptors, decorators and closures; ``thorough`` asks the garbage collector
for what it missed. A function inside another one is found in the constants of the outer one's code, alive or not.
"""

from __future__ import annotations

import functools
import gc
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple, cast

from weaver.classes import bases_of, dotted_name, is_class, module_of, name_of, namespace_of, qualname_of
from weaver.decorators import decorators_of
from weaver.errors import describe_error
from weaver.holders import thawed
from weaver.log import Log
from weaver.shadow import Parameter, Shadow, kind_of_code, parameter_names
from weaver.swap import code_at, original_code

log = Log(__name__)

DEPTH = 6
"""How many containers, descriptors and decorators deep the walk goes."""

WIDTH = 10_000
"""Containers with more items than this are not walked."""

PIECE = 50_000
"""Objects that are looked at in one go."""

NATIVE = "it is a C function and has no Python code; weave its call sites, or set the property proxy = true"

_OF_PROPERTY: tuple[Any, ...] = (property.fget, property.fset, property.fdel)
_NO_FUNCTIONS = frozenset(
    {str, bytes, int, float, bool, complex, type(None), CodeType, ModuleType}
    | {GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType}
)


class Nested(NamedTuple):
    """A code object among the constants of another one.

    Shape: ``path`` are places of constants, from the outermost; ``class_name`` is the qualified name of a class that
    the code is a method of.
    """

    path: tuple[int, ...]
    code: CodeType
    class_name: str | None


def scan_module(module: ModuleType, *, thorough: bool = False) -> list[Shadow]:
    """Return a shadow for every function of a module, in its classes and in other functions too."""
    found = found_in(module)
    if thorough:
        known = {id(function) for function, _ in found}
        found += [(one, None) for some in functions_of([module]) for one in some if id(one) not in known]
    return shadows_of(module, found)


def shadows_of(
    module: ModuleType, found: Iterable[tuple[Any, type | None]], known: Iterable[Shadow] = ()
) -> list[Shadow]:
    """Return the shadows of functions, each with the class it belongs to, and of those inside them.

    Shape: ``known`` are shadows that there are already; functions that run their code inside are none of their own.
    """
    functions = list(found)
    codes = [original_code(one) if type(one) is FunctionType else None for one, _ in functions]
    nested = [[] if code is None else list(nested_codes(code)) for code in codes]
    inner = {id(one.code) for row in nested for one in row}
    inner |= {id(code_at(shadow)) for shadow in known if shadow.path and shadow.is_alive}
    shadows: list[Shadow] = []
    for (function, owner), code, row in zip(functions, codes, nested, strict=True):
        if code is None:
            shadows.append(_native(module, function, owner))
        elif id(code) not in inner:
            shadows.append(_shadow(module, function, code, owner))
            shadows += [_nested(module.__name__, function, one) for one in row if is_function(one.code)]
    return shadows


def shadows_inside(name: str, body: FunctionType) -> list[Shadow]:
    """Return the shadows of the functions that a module's body will make; ``body`` stands for it."""
    return [_nested(name, body, one) for one in nested_codes(original_code(body)) if is_function(one.code)]


def functions_of(modules: Iterable[ModuleType]) -> Iterator[list[FunctionType]]:
    """Yield every live function of some modules but closures, in lists; others may run in between.

    All objects that the garbage collector has are gone through, by their types: to ask it who refers to the namespaces
    would take several times as long, in one go.
    """
    namespaces = {id(vars(module)) for module in modules}
    with thawed():
        objects = gc.get_objects()
    yield []
    while objects:
        piece, objects[-PIECE:] = objects[-PIECE:], []
        yield [one for one in piece if type(one) is FunctionType and id(one.__globals__) in namespaces]


def nested_codes(code: CodeType, path: tuple[int, ...] = (), class_name: str | None = None) -> Iterator[Nested]:
    """Return the code objects inside a code object, the outer ones first."""
    for place, constant in enumerate(code.co_consts):
        if type(constant) is CodeType:
            here = (*path, place)
            yield Nested(here, constant, class_name)
            yield from nested_codes(constant, here, None if _runs_in_calls(constant) else constant.co_qualname)


def is_function(code: CodeType) -> bool:
    """Say whether it is the code of a ``def`` or a lambda, not of a class body, a comprehension or a type scope."""
    return _runs_in_calls(code) and (not code.co_name.startswith("<") or code.co_name == "<lambda>")


def _runs_in_calls(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def found_in(module: ModuleType) -> list[tuple[Any, type | None]]:
    """Walk a namespace and the classes in it; return the functions with their classes."""
    walk = _Walk(module)
    walk.namespace({name: value for name, value in vars(module).items() if name != "__builtins__"}, None)
    return list(walk.found.values())


class _Walk:
    def __init__(self, module: ModuleType) -> None:
        self._name = module.__name__
        self._namespace = vars(module)
        self._seen: set[int] = set()
        self.found: dict[int, tuple[Any, type | None]] = {}

    def namespace(self, namespace: Any, owner: type | None) -> None:
        for value in list(namespace.values()):
            try:
                if is_class(value):
                    self._class(value)
                elif type(value) not in _NO_FUNCTIONS:
                    self._value(value, owner, 0)
            except Exception as error:  # noqa: BLE001 - one odd object, of which the others know nothing
                log.warning("%s: an object is not looked into: %s", self._name, describe_error(error))

    def _class(self, value: type) -> None:
        namespace = namespace_of(value)
        if namespace.get("__module__") == self._name and id(value) not in self._seen:
            self._seen.add(id(value))
            self.namespace(namespace, value)

    def _value(self, value: Any, owner: type | None, depth: int) -> None:
        is_native = type(value) is BuiltinFunctionType and value.__module__ == self._name
        if is_native or (type(value) is FunctionType and self._is_ours(value, owner)):
            self.found.setdefault(id(value), (value, owner))
        if depth < DEPTH and id(value) not in self._seen:
            for part in _parts(value):
                if is_class(part):
                    continue
                self._seen.add(id(value))
                self._value(part, owner, depth + 1)

    def _is_ours(self, function: FunctionType, owner: type | None) -> bool:
        """Say whether a function was made by this module, or for a class of it by a generator of methods.

        Of a chain of decorators only the innermost function counts; the others run it.
        """
        if "__wrapped__" in function.__dict__:
            return False
        if function.__globals__ is self._namespace:
            return True
        return (
            owner is not None
            and function.__qualname__ == f"{qualname_of(owner)}.{function.__name__}"
            and (function.__module__ == self._name or function.__code__.co_filename.startswith("<"))
        )


def _parts(value: Any) -> Iterable[object]:
    """Return what a value holds that may be a function: items, the functions behind an attribute, a closure."""
    kind = type(value)
    if kind in _NO_FUNCTIONS:
        return ()
    if kind is FunctionType:
        return [*_cells(value), value.__dict__.get("__wrapped__")]
    if issubclass(kind, property):
        return [part.__get__(value) for part in _OF_PROPERTY]
    inside = _INSIDE.get(kind)
    if inside is not None:
        return inside(value) if not hasattr(kind, "__len__") or len(value) <= WIDTH else ()
    spaces = map(namespace_of, bases_of(kind)[:-1])
    if any("__get__" in space or "__call__" in space for space in spaces):
        return _attributes(value)
    return ()


def _cells(function: FunctionType) -> list[object]:
    contents: list[object] = []
    for cell in function.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            continue  # not filled yet
    return contents


def _attributes(value: object) -> list[object]:
    """Return the values of an object's attributes, in its dictionary and its slots; of a proxy what it wraps."""
    try:
        values = list(object.__getattribute__(value, "__dict__").values())
    except AttributeError:
        values = []
    for base in bases_of(type(value))[:-1]:
        for name, slot in namespace_of(base).items():
            if type(slot) is MemberDescriptorType or (name == "__wrapped__" and type(slot) is GetSetDescriptorType):
                try:
                    values.append(slot.__get__(value))
                except AttributeError:
                    continue  # an empty slot
    return values


_INSIDE: dict[type, Callable[[Any], Iterable[object]]] = {
    staticmethod: lambda value: (value.__func__,),
    classmethod: lambda value: (value.__func__,),
    MethodType: lambda value: (value.__func__,),
    functools.cached_property: lambda value: (value.func,),
    functools.partial: lambda value: (value.func,),
    functools.partialmethod: lambda value: (value.func,),
    functools.singledispatchmethod: lambda value: (value.dispatcher, value.func),
    type(functools.lru_cache(lambda: None)): lambda value: (value.__dict__.get("__wrapped__"),),
    dict: lambda value: list(value.values()),
    MappingProxyType: lambda value: list(value.values()),
    list: list,
    tuple: list,
    set: list,
    frozenset: list,
    deque: list,
}


def _shadow(module: ModuleType, function: FunctionType, code: CodeType, owner: type | None) -> Shadow:
    annotations = getattr(function, "__annotations__", {}) or {}
    class_name = None if owner is None else dotted_name(owner)
    qualname = function.__qualname__
    if owner is not None and code.co_filename.startswith("<"):
        qualname = f"{qualname_of(owner)}.{function.__name__}"  # of a generated method it may be the generator's
    return Shadow(
        module.__name__,
        qualname,
        function.__name__,
        code.co_filename,
        code.co_firstlineno,
        class_name,
        () if owner is None else names_of_bases(owner),
        tuple(Parameter(name, _text(annotations.get(name))) for name in parameter_names(code)),
        _text(annotations.get("return")),
        function,
        decorators=_later(module.__name__, qualname, code),
        flags=kind_of_code(code),
    )


def _nested(module: str, outermost: FunctionType, one: Nested) -> Shadow:
    code = one.code
    class_name = None if one.class_name is None else f"{module}.{one.class_name}"
    return Shadow(
        module,
        code.co_qualname,
        code.co_name,
        code.co_filename,
        code.co_firstlineno,
        class_name,
        () if class_name is None else (class_name,),
        tuple(Parameter(name, None) for name in parameter_names(code)),
        None,
        outermost,
        decorators=_later(module, code.co_qualname, code),
        flags=kind_of_code(code),
        path=one.path,
    )


def _native(module: ModuleType, function: Any, owner: type | None) -> Shadow:
    class_name = None if owner is None else dotted_name(owner)
    bases = () if owner is None else names_of_bases(owner)
    name = function.__name__
    return Shadow(module.__name__, name, name, "", 0, class_name, bases, (), None, function, obstacle=NATIVE)


def _later(module: str, qualname: str, code: CodeType) -> tuple[str, ...]:
    """Return what finds the decorators in the source, when somebody asks."""
    later = partial(decorators_of, module, code.co_filename, qualname, code.co_firstlineno)
    return cast("tuple[str, ...]", later)


def names_of_bases(owner: type) -> tuple[str, ...]:
    """Return the dotted names of a class and its bases, in method resolution order."""
    return tuple(map(dotted_name, bases_of(owner)))


def _text(annotation: object) -> str | None:
    """Return an annotation as text; what is none of Python's own kinds is not asked."""
    if annotation is None or type(annotation) is str:
        return annotation
    if is_class(annotation):
        return name_of(annotation)
    if module_of(type(annotation)) not in {"typing", "types"}:
        return None
    try:
        return getattr(annotation, "__name__", None) or str(annotation)
    except Exception:  # noqa: BLE001 - it shows what was put into it
        return None
