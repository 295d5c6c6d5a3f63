"""The modules that are looked at, with their shadows: made when a monitor or somebody asks, never at import.

No module and no function is kept alive: a module that the program drops is forgotten, with the shadows of its functions
as these die.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter_ns
from types import FunctionType, ModuleType
from weakref import ref

from weaver.pointcut.needs import name_test
from weaver.scan import found_in, functions_of, shadows_inside, shadows_of
from weaver.shadow import Kind, Shadow
from weaver.sites import may_name, sites_of

EXECUTIONS: frozenset[Kind] = frozenset({"execution"})

Names = frozenset[str] | None
"""Patterns of names; None for any name."""

NO_NAMES: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False, weakref_slot=True)
class ModuleRecord:
    """One module.

    Shape: ``is_walked`` says that executions have been made; ``sought`` by kind the patterns of names for which places
    inside functions have been, None for any name; ``taken_apart`` the kinds of places that are known of a function.
    ``is_complete`` says that the garbage collector has been asked since the last of ``loads``, the runs of the body.
    ``version`` changes with the shadows; ``ns`` is what looking, matching and weaving took; ``body`` keeps what stands
    for the body of a module that runs as ``__main__``.
    """

    name: str
    module: ref[ModuleType]
    executions: list[Shadow] = field(default_factory=list)
    sites: list[Shadow] = field(default_factory=list)
    is_walked: bool = False
    sought: dict[Kind, Names] = field(default_factory=dict)
    taken_apart: dict[Shadow, frozenset[Kind]] = field(default_factory=dict)
    is_complete: bool = False
    loads: int = 1
    version: int = 0
    ns: int = 0
    aborted: dict[str, str] = field(default_factory=dict)
    body: FunctionType | None = None

    def shadows(self, kinds: frozenset[Kind], names: Names = None) -> list[Shadow]:
        """Return the living shadows of some kinds; those that have not been made are made.

        Shape: with ``names``, patterns, there are all those whose names fit one, and perhaps others.
        """
        self.look_for(kinds, names)
        found = self.executions if "execution" in kinds else []
        return [one for one in (*found, *self.sites) if one.kind in kinds and one.is_alive]

    def look_for(self, kinds: frozenset[Kind], names: Names = None) -> None:
        """Make the shadows that ``shadows`` would return."""
        began = perf_counter_ns()
        module = self.module()
        if module is not None and not self.is_walked:
            self._add(module, found_in(module))
        missing = frozenset(kind for kind in kinds - EXECUTIONS if not self._has_sought(kind, names))
        if missing:
            self._take_apart(self.executions, missing, names)
            for kind in missing:
                self.sought[kind] = None if names is None else names | (self.sought.get(kind) or NO_NAMES)
        self.ns += perf_counter_ns() - began

    def _has_sought(self, kind: Kind, names: Names) -> bool:
        sought = self.sought.get(kind, NO_NAMES)
        return sought is None or (names is not None and names <= sought)

    def _take_apart(self, functions: Iterable[Shadow], kinds: frozenset[Kind], names: Names) -> None:
        """Make the shadows of places in functions that may have one of the names."""
        test, count = name_test(names), len(self.sites)
        for shadow in functions:
            known = self.taken_apart.get(shadow, frozenset())
            if kinds <= known or shadow.obstacle or not shadow.is_alive or not may_name(shadow, test):
                continue
            self.sites += sites_of(shadow, kinds - known)
            self.taken_apart[shadow] = known | kinds
        self.version += len(self.sites) != count

    def look_again(self) -> None:
        """Add what is new in a module whose body has run again; forget what is gone."""
        self.executions = [one for one in self.executions if one.is_alive]
        self.sites = [one for one in self.sites if one.is_alive]
        self.taken_apart = {one: kinds for one, kinds in self.taken_apart.items() if one.is_alive}
        self.is_complete = False
        self.loads += 1
        self.version += 1
        module = self.module()
        if module is not None and self.is_walked:
            self._add(module, found_in(module))

    def complete(self, functions: Iterable[object], loads: int) -> None:
        """Add functions that the walk through the module has not found, all that there were after so many loads."""
        module = self.module()
        if module is not None:
            self._add(module, ((function, None) for function in functions))
        self.is_complete = loads == self.loads

    def _add(self, module: ModuleType, found: Iterable[tuple[object, type | None]]) -> None:
        known = {id(one.function) for one in self.executions if one.is_alive}
        new = shadows_of(module, [one for one in found if id(one[0]) not in known], self.executions)
        self.executions += new
        for kind, names in self.sought.items():
            self._take_apart(new, frozenset({kind}), names)
        self.is_walked = True
        self.version += 1


class Catalog:
    """The modules, and those that are gone but for some of their functions."""

    def __init__(self) -> None:
        self._records: list[ModuleRecord] = []
        self._by_module: dict[int, ModuleRecord] = {}
        self._enough = 64

    def add(self, module: ModuleType) -> ModuleRecord:
        """Take a module in, or look again at one whose body has run again."""
        record = self._by_module.get(id(module))
        if record is not None and record.module() is module:
            record.look_again()
            return record
        return self._note(module, ModuleRecord(module.__name__, ref(module)))

    def _note(self, module: ModuleType, record: ModuleRecord) -> ModuleRecord:
        if len(self._records) >= self._enough:
            self._forget_dead()
            self._enough = 2 * len(self._records) + 64
        self._records.append(record)
        self._by_module[id(module)] = record
        return record

    def _forget_dead(self) -> None:
        living = [(one, one.module()) for one in self._records]
        self._records = [one for one, module in living if module is not None or _has_life(one)]
        self._by_module = {id(module): one for one, module in living if module is not None}

    def add_main(self, name: str, module: ModuleType, body: FunctionType) -> ModuleRecord:
        """Take in a module that is about to run as ``__main__``; ``body`` stands for its body."""
        record = ModuleRecord(name, ref(module), shadows_inside(name, body), is_walked=True, body=body)
        record.is_complete = True
        return self._note(module, record)

    def __iter__(self) -> Iterator[ModuleRecord]:
        self._forget_dead()
        return iter(self._records)

    def complete(self, records: Iterable[ModuleRecord]) -> Iterator[None]:
        """Ask the garbage collector for functions that no walk finds, once for all these modules, step by step.

        Shape: nothing is known before the last step.
        """
        living = [(one, module) for one in records if not one.is_complete and (module := one.module()) is not None]
        if not living:
            return
        waiting = [(one, module, one.loads) for one, module in living]
        for record, _ in living:
            if not record.is_walked:
                record.look_for(EXECUTIONS)
                yield
        found: dict[int, list[FunctionType]] = {}
        for some in functions_of([module for _, module in living]):
            for function in some:
                found.setdefault(id(function.__globals__), []).append(function)
            yield
        for record, module, loads in waiting:
            record.complete(found.get(id(vars(module)), ()), loads)


def _has_life(record: ModuleRecord) -> bool:
    return any(shadow.is_alive for shadow in record.executions)
