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

from weaver.scan import found_in, functions_of, shadows_inside, shadows_of
from weaver.shadow import Kind, Shadow
from weaver.sites import sites_of

EXECUTIONS: frozenset[Kind] = frozenset({"execution"})


@dataclass(slots=True, eq=False, weakref_slot=True)
class ModuleRecord:
    """One module.

    Shape: ``kinds`` are the kinds of shadow that have been made; ``version`` changes with the shadows;
    ``ns`` is what looking, matching and weaving took; ``body`` keeps what stands for the body of a module that
    runs as ``__main__``.
    """

    name: str
    module: ref[ModuleType]
    executions: list[Shadow] = field(default_factory=list)
    sites: list[Shadow] = field(default_factory=list)
    kinds: frozenset[Kind] = frozenset()
    is_complete: bool = False
    version: int = 0
    ns: int = 0
    aborted: dict[str, str] = field(default_factory=dict)
    body: FunctionType | None = None

    def shadows(self, kinds: frozenset[Kind]) -> list[Shadow]:
        """Return the living shadows of some kinds; those that have not been made are made."""
        began = perf_counter_ns()
        module = self.module()
        if module is not None and "execution" not in self.kinds:
            self._add(module, found_in(module))
        wanted = kinds - self.kinds - EXECUTIONS
        if wanted:
            for shadow in [one for one in self.executions if one.is_alive and not one.obstacle]:
                self.sites += sites_of(shadow, wanted)
            self.kinds |= wanted
            self.version += 1
        self.ns += perf_counter_ns() - began
        found = self.executions if "execution" in kinds else []
        return [one for one in (*found, *self.sites) if one.kind in kinds and one.is_alive]

    def look_again(self) -> None:
        """Add what is new in a module whose body has run again; forget what is gone."""
        self.executions = [one for one in self.executions if one.is_alive]
        self.sites = [one for one in self.sites if one.is_alive]
        self.is_complete = False
        self.version += 1
        module = self.module()
        if module is not None and "execution" in self.kinds:
            self._add(module, found_in(module))

    def complete(self, functions: Iterable[object]) -> None:
        """Add functions that the walk through the module has not found."""
        module = self.module()
        if module is not None:
            self._add(module, ((function, None) for function in functions))
        self.is_complete = True

    def _add(self, module: ModuleType, found: Iterable[tuple[object, type | None]]) -> None:
        known = {id(one.function) for one in self.executions if one.is_alive}
        new = shadows_of(module, [one for one in found if id(one[0]) not in known], self.executions)
        self.executions += new
        for shadow in new if self.kinds - EXECUTIONS else ():
            if not shadow.obstacle:
                self.sites += sites_of(shadow, self.kinds - EXECUTIONS)
        self.kinds |= EXECUTIONS
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
        record = ModuleRecord(name, ref(module), shadows_inside(name, body), kinds=EXECUTIONS, body=body)
        record.is_complete = True
        return self._note(module, record)

    def __iter__(self) -> Iterator[ModuleRecord]:
        self._forget_dead()
        return iter(self._records)

    def complete(self, records: Iterable[ModuleRecord]) -> None:
        """Ask the garbage collector for functions that no walk finds, once for all these modules."""
        waiting = [(one, module) for one in records if not one.is_complete and (module := one.module()) is not None]
        if not waiting:
            return
        found: dict[int, list[FunctionType]] = {}
        for function in functions_of([module for _, module in waiting]):
            found.setdefault(id(function.__globals__), []).append(function)
        for record, module in waiting:
            record.shadows(EXECUTIONS)
            record.complete(found.get(id(vars(module)), ()))


def _has_life(record: ModuleRecord) -> bool:
    return any(shadow.is_alive for shadow in record.executions)
