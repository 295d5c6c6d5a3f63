"""What is asked of classes and of objects' classes without running any code of theirs.

A class may answer for its own name, its bases and its attributes, and an object for its class: such an answer may
raise, load something or tell what is not so. Here the type's own slots are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeGuard

bases_of: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
"""Gives a class and its bases, in method resolution order."""
namespace_of: Callable[[type], Mapping[str, object]] = type.__dict__["__dict__"].__get__
qualname_of: Callable[[type], str] = type.__dict__["__qualname__"].__get__
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
module_of: Callable[[type], object] = type.__dict__["__module__"].__get__
"""Gives the name of the module; a class may have put anything there."""


def is_class(value: object) -> TypeGuard[type]:
    """Say whether an object is a class; ``isinstance`` would ask it."""
    return issubclass(type(value), type)


def class_of(value: object) -> type:
    """Return the class of an object; of a class itself."""
    return value if is_class(value) else type(value)


def dotted_name(kind: type) -> str:
    """Return ``module.Class`` with the marks of functions around it."""
    module = module_of(kind)
    return f"{module if type(module) is str else ''}.{qualname_of(kind)}"
