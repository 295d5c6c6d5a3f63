"""The modules of some packages together: what names mean across files, which classes come from which."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from weaver.offline.source import Scope, SourceClass, SourceModule

HOPS = 20
"""How many imports of imports are followed."""


class Program:
    """Modules by name, and the answers about their names."""

    def __init__(self, modules: Iterable[SourceModule]) -> None:
        self.modules = {module.name: module for module in modules}
        self._orders: dict[str, tuple[str, ...]] = {}

    @cached_property
    def classes(self) -> Mapping[str, tuple[SourceModule, SourceClass]]:
        """Every class by its dotted name."""
        return {
            f"{module.name}.{qualname}": (module, found)
            for module in self.modules.values()
            for qualname, found in module.classes.items()
        }

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Every name that a module imports from another one of these, with the name where it is defined."""
        found: dict[str, str] = {}
        for module in self.modules.values():
            for name in module.imports:
                alias = f"{module.name}.{name}"
                if (home := self.home(alias)) != alias and home not in self.modules:
                    found[alias] = home
        return found

    @cached_property
    def children(self) -> Mapping[str, Sequence[str]]:
        """The classes that name a class as a base."""
        found: dict[str, list[str]] = {}
        for name in self.classes:
            for base in self.bases(name):
                found.setdefault(base, []).append(name)
        return found

    def home(self, name: str) -> str:
        """Follow imports from a dotted name to where it is defined."""
        for _ in range(HOPS):
            module, rest = self._split(name)
            first, dot, more = rest.partition(".")
            if module is None or first not in module.imports or f"{module.name}.{first}" in self.modules:
                return name
            name = f"{module.imports[first]}{dot}{more}"
        return name

    def meaning(self, name: str, module: SourceModule, scope: Scope | None) -> str:
        """Return what a dotted name in a function stands for; empty when only known at run time."""
        first, dot, rest = name.partition(".")
        while scope is not None and name:
            if first in scope.imports:
                return self.home(f"{scope.imports[first]}{dot}{rest}")
            if first in scope.local:
                return ""
            scope = scope.around
        if first in module.imports or first in module.classes:
            return self.home(f"{module.name}.{name}")
        if first in module.names:
            return f"{module.name}.{name}" if not rest else ""
        return f"builtins.{name}" if name and hasattr(builtins, first) else ""

    def bases(self, name: str) -> tuple[str, ...]:
        """Return the dotted names of a class's direct bases; what is no name is left out."""
        module, found = self.classes[name]
        around = found.qualname.rpartition(".")[0]
        places = [f"{around}.", ""] if around else [""]
        resolved: list[str] = []
        for base in filter(None, found.bases):
            local = next((f"{module.name}.{place}{base}" for place in places if place + base in module.classes), None)
            resolved.append(local or self.meaning(base, module, None) or base)
        return tuple(one for one in resolved if one != name)

    def order(self, name: str) -> tuple[str, ...]:
        """Return a class and all its bases in method resolution order."""
        known = self._orders.get(name)
        if known is None:
            self._orders[name] = (name,)  # for a class that is its own base by mistake
            known = self._orders[name] = self._order(name)
        return known

    def unread(self, name: str) -> tuple[str, ...]:
        """Return the bases of a class that were not read: what they come from is known when they are loaded."""
        return tuple(base for base in self.order(name) if base not in self.classes and not _builtin(base))

    def heirs(self, name: str, method: str) -> tuple[tuple[str, ...], ...]:
        """Return, in their order, the classes that use a method of a class because they have none of their own."""
        found: dict[str, None] = {}
        waiting = list(self.children.get(name, ()))
        while waiting:
            heir = waiting.pop()
            if heir not in found and method not in self.classes[heir][1].methods:
                found[heir] = None
                waiting += self.children.get(heir, ())
        return tuple(map(self.order, found))

    def _order(self, name: str) -> tuple[str, ...]:
        if name not in self.classes:
            kind = _builtin(name)
            return (name,) if kind is None else tuple(f"builtins.{one.__name__}" for one in kind.__mro__)
        bases = self.bases(name)
        merged = _merge([*map(self.order, bases), bases])
        return (name, *(one for one in merged if one != "builtins.object"), "builtins.object")

    def _split(self, name: str) -> tuple[SourceModule | None, str]:
        head, rest = name, ""
        while head and head not in self.modules:
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return self.modules.get(head), rest


def _merge(orders: Sequence[Sequence[str]]) -> list[str]:
    """Merge the orders of the bases as Python does; what it would refuse is put in the order written."""
    waiting = [list(order) for order in orders if order]
    merged: list[str] = []
    while waiting:
        tails = {name for order in waiting for name in order[1:]}
        head = next((order[0] for order in waiting if order[0] not in tails), waiting[0][0])
        merged.append(head)
        waiting = [rest for order in waiting if (rest := [name for name in order if name != head])]
    return merged


def _builtin(name: str) -> type | None:
    module, _, last = name.rpartition(".")
    found = getattr(builtins, last, None) if module == "builtins" else None
    return found if isinstance(found, type) else None
