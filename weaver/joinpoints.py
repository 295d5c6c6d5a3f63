"""Which monitors are at which joinpoints, and the weaving of those that are on.

A module is matched when a monitor that is on could select something in it, or when somebody asks; what is woven follows
at once, many joinpoints in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from weaver.advice import compile_advice, masks_read
from weaver.catalog import EXECUTIONS, Catalog, ModuleRecord
from weaver.dye import SPACE
from weaver.dye_mask import Mask
from weaver.early import EarlyModule
from weaver.errors import WeaveError, WeaverError
from weaver.exclusion import Exclusion
from weaver.facts import pass_test
from weaver.fallback import ASSEMBLER, Engine
from weaver.general_advice import GeneralAdvice
from weaver.log import Log
from weaver.pointcut.match import could_match, match, needs
from weaver.pointcut.needs import name_test, names
from weaver.pointcut.nodes import Pointcut
from weaver.shadow import Kind, Shadow
from weaver.sites import as_seen_by_advice
from weaver.swap import Change, Weave, code_at, is_early, is_woven
from weaver.weaving import Advice, Gate
from weaver.weaving.proxy import weave_proxy
from weaver.woven_cache import WovenCache

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

NO_END = "an except clause has no end: only a monitor with the location before can be woven there"


@dataclass(frozen=True, slots=True)
class _Woven:
    """Advice that was made, and for what: monitors with the revision of their settings, slots that it reads."""

    key: tuple[tuple[Monitor, int], ...]
    slots: tuple[tuple[str, Gate], ...]
    advice: Advice


class JoinPoints:
    """The joinpoints of the process."""

    def __init__(self, cache: WovenCache | None, engine: Engine) -> None:
        self._cache = cache
        self._engine = engine
        self._catalog = Catalog()
        self._made: WeakKeyDictionary[Shadow, _Woven] = WeakKeyDictionary()
        self._held: dict[Shadow, tuple[Mask, ...]] = {}
        self._early: dict[str, EarlyModule] = {}
        self.exclusion = Exclusion()

    def on_code(self, module: ModuleType, code: CodeType, monitors: Sequence[Monitor]) -> CodeType:
        """Weave the code of a module before its body runs, where the build can tell all that is on there by names."""
        name = module.__name__
        self._release_early(name)
        on = [one for one in monitors if one.settings.enabled and could_match(one.definition.pointcut, name)]
        if not on or self._cache is None or self._engine is not ASSEMBLER:
            return code
        self._early[name] = made = EarlyModule(name, sorted(on, key=_precedence), self._advice_of)
        woven = made.weave(code, self._cache)
        if woven is None:
            self._release_early(name)
        return woven or code

    def on_module(self, module: ModuleType, monitors: Sequence[Monitor]) -> None:
        """Take a module in whose body has run; weave there for the monitors that are on."""
        record = self._catalog.add(module)
        early = self._early.get(module.__name__)
        if early is not None:
            early.is_ready = True
        if early is None or early.has_others:
            self._weave_in(record, monitors)

    def on_main(self, name: str, module: ModuleType, body: FunctionType, monitors: Sequence[Monitor]) -> None:
        """Take a module in that is about to run as ``__main__``; weave what its body will make."""
        self._weave_in(self._catalog.add_main(name, module, body), monitors)

    def _weave_in(self, record: ModuleRecord, monitors: Sequence[Monitor]) -> None:
        on = [monitor for monitor in monitors if monitor.settings.enabled]
        found = [shadow for monitor in on for shadow in self._select_in(record, monitor)]
        new = [shadow for shadow in found if shadow.obstacle or not is_early(shadow.function)]
        if new:
            self.weave(new, monitors)

    def _advice_of(self, name: str, code: CodeType, monitors: Sequence[Monitor]) -> GeneralAdvice | None:
        """Find a function that was woven before it was made; weave it as any other, unless others may run its code.

        Errors: WeavingBusyError when another thread is weaving: the function that is called does not wait for it.
        """
        with self.exclusion.at_once():
            return self._found_advice(name, code, monitors)

    def _found_advice(self, name: str, code: CodeType, monitors: Sequence[Monitor]) -> GeneralAdvice | None:
        record = next(one for one in self._catalog if one.name == name)
        shadow = _with_code(record, code)
        if shadow is None:
            _exhaust(self._catalog.complete([record]))
            shadow = _with_code(record, code)
        if shadow is None:
            return None
        on = [monitor for monitor in monitors if shadow in self._select_in(record, monitor)]
        tests = {m.definition.name: test for m in on if (test := m.decided[shadow][1]) is not None}
        general = GeneralAdvice(shadow, on, tests)
        if len(_of_function(record, shadow.function)) == 1 and "<locals>" not in shadow.qualname:
            self.weave([shadow], on)
        return general

    def _with_early(self, wanted: Sequence[Shadow], monitors: Sequence[Monitor]) -> list[Shadow]:
        """Return what has to be woven along: all that is in a function which runs the code that it was made with."""
        early = {id(one.function): one for one in wanted if not one.obstacle and is_early(one.function)}
        along: list[Shadow] = []
        for record in self._catalog if early else ():
            if any(one.module == record.name for one in early.values()):
                for monitor in monitors:
                    if monitor.settings.enabled:
                        self._select_in(record, monitor)
                along += [one for one in record.shadows(EXECUTIONS) if id(one.function) in early]
        return along

    def _release_early(self, name: str) -> None:
        early = self._early.pop(name, None)
        if early is not None:
            early.release()

    def _settle_early(self, shadows: Iterable[Shadow]) -> None:
        """Give back the slots of modules in which no function runs the code that it was made with any more."""
        names = {shadow.module for shadow in shadows} & self._early.keys()
        for record in self._catalog if names else ():
            if record.name in names and not any(_runs_early(one) for one in record.executions):
                self._release_early(record.name)

    def select(self, monitor: Monitor) -> list[Shadow]:
        """Return the joinpoints of a monitor in all modules, those too that only the garbage collector knows."""
        self.complete([monitor])
        return [shadow for record in self._catalog for shadow in self._select_in(record, monitor)]

    def look_ahead(self, monitors: Sequence[Monitor]) -> Iterator[None]:
        """Match monitors in one module after another; between two that took work, others may run."""
        yield from self._catalog.complete(self._unfinished(monitors))
        yield
        pointcuts = list(dict.fromkeys(monitor.definition.pointcut for monitor in monitors))
        for record in list(self._catalog):
            waiting = [one for one in monitors if one.selected.get(record, (-1, []))[0] != record.version]
            if waiting:
                _look_for_all(record, pointcuts)
            for monitor in waiting:
                self._select_in(record, monitor)
            if waiting:
                yield

    def complete(self, monitors: Iterable[Monitor]) -> None:
        """Find what only the garbage collector knows of the modules in which some monitors could select something."""
        _exhaust(self._catalog.complete(self._unfinished(monitors)))

    def _unfinished(self, monitors: Iterable[Monitor]) -> list[ModuleRecord]:
        """Return the modules in which some monitors could select something and of which not all is known yet."""
        records = [record for record in self._catalog if not record.is_complete]
        pointcuts = {monitor.definition.pointcut for monitor in monitors} if records else ()
        return [one for one in records if any(could_match(pointcut, one.name) for pointcut in pointcuts)]

    def shadows(self, module: str = "", kinds: frozenset[Kind] = frozenset({"execution"})) -> list[Shadow]:
        """Return all living shadows of some kinds, of one module or of all."""
        return [shadow for record in self._catalog if module in {"", record.name} for shadow in record.shadows(kinds)]

    def weave(self, shadows: Iterable[Shadow], monitors: Sequence[Monitor]) -> None:
        """Give joinpoints the advice of the monitors that are on there; without any the original code is back."""
        began = perf_counter_ns()
        alive = [shadow for shadow in shadows if shadow.is_alive]
        along = self._with_early(alive, monitors) if self._early else []
        wanted = list(dict.fromkeys([*alive, *along]))
        order = sorted((m for m in monitors if m.settings.enabled), key=_precedence)
        on = {shadow: [monitor for monitor in order if monitor.selects(shadow)] for shadow in wanted}
        self._begin_anew(wanted)
        for shadow in [one for one in wanted if one.obstacle]:
            self._proxy(shadow, on[shadow], monitors)
        changes = [self._change(shadow, on[shadow]) for shadow in wanted if not shadow.obstacle]
        errors = self._engine.weave(changes)
        for shadow, error in errors.items():
            self._failed(error, [monitor for monitor in monitors if monitor.selects(shadow)])
        for change in changes:
            if change.shadow not in errors:
                self._hold(change.shadow, masks_read(on[change.shadow]) if change.advice is not None else ())
        self._settle_early(wanted)
        self._forget_dead()
        self._account(wanted, perf_counter_ns() - began)

    def report(self) -> dict[str, Any]:
        """Return how it is woven, and what was done in each module.

        Shape: ``engine`` and, when it is not the assembler, the ``reason``; ``modules`` with counts of shadows, and the
        reasons of what could not be woven.
        Units: ``ms`` milliseconds spent on looking, matching and weaving.
        """
        return {"engine": self._engine.name, "reason": self._engine.reason, "modules": self._modules()}

    def _modules(self) -> list[dict[str, Any]]:
        return [
            {
                "module": record.name,
                "inspected": len(record.executions) + len(record.sites),
                "matched": len({s for s in (*record.executions, *record.sites) if s.is_alive and s in self._made}),
                "woven": len({id(s.function) for s in record.executions if _runs_woven(s)}),
                "aborted": dict(record.aborted),
                "ms": round(record.ns / 1e6, 3),
            }
            for record in self._catalog
        ]

    def _select_in(self, record: ModuleRecord, monitor: Monitor) -> list[Shadow]:
        """Return what the monitor has in the module; what has not been matched yet is."""
        version, selected = monitor.selected.get(record, (-1, []))
        if version != record.version:
            selected = self._match_in(record, monitor)
            monitor.selected[record] = record.version, selected
        return [shadow for shadow in selected if shadow.is_alive]

    @staticmethod
    def _match_in(record: ModuleRecord, monitor: Monitor) -> list[Shadow]:
        pointcut = monitor.definition.pointcut
        if not could_match(pointcut, record.name):
            return []
        began, wanted = perf_counter_ns(), names(pointcut)
        may_be = name_test(wanted)
        shadows = [one for one in record.shadows(needs(pointcut), wanted) if may_be(one.name)]
        for shadow in shadows:
            if shadow not in monitor.decided:
                found = match(pointcut, shadow)
                monitor.decided[shadow] = (found.matched, pass_test(found.residue))
        record.ns += perf_counter_ns() - began
        return [shadow for shadow in shadows if monitor.selects(shadow)]

    def _proxy(self, shadow: Shadow, on: Sequence[Monitor], monitors: Sequence[Monitor]) -> None:
        """Put a proxy where there is no code to weave, for the monitors that ask for it; report it to the others."""
        asking = [monitor for monitor in on if monitor.settings.properties.get("proxy") is True]
        try:
            weave_proxy(shadow, self._advice(shadow, asking) if asking else None)
        except WeaveError as error:
            self._failed(error, [monitor for monitor in monitors if monitor.selects(shadow)])
        refused = [monitor for monitor in on if monitor not in asking]
        if refused:
            self._failed(WeaveError(shadow.module, shadow.qualname, shadow.obstacle), refused)

    def _change(self, shadow: Shadow, on: list[Monitor]) -> Change:
        if shadow.kind == "handler":
            for monitor in [one for one in on if one.definition.location != "before"]:
                on.remove(monitor)
                self._failed(WeaveError(shadow.module, shadow.qualname, NO_END), [monitor])
        advice = self._advice(shadow, on) if on else None
        return Change(shadow, advice, self._weave_from(shadow, on))

    def _advice(self, shadow: Shadow, on: Sequence[Monitor]) -> Advice:
        """Return the advice of a joinpoint; the one before when nothing has changed for it."""
        key = tuple((monitor, monitor.revision) for monitor in on)
        last = self._made.get(shadow)
        slots = _slots_of(on)
        if last is not None and (last.key, last.slots) == (key, slots):
            return last.advice
        tests = {m.definition.name: test for m in on if (test := m.decided[shadow][1]) is not None}
        advice = compile_advice(as_seen_by_advice(shadow), on, tests)
        self._made[shadow] = _Woven(key, slots, advice)
        return advice

    def _weave_from(self, shadow: Shadow, on: Iterable[Monitor]) -> Weave | None:
        """Return what takes woven code from the build, for a function that was woven there; None to weave here."""
        if self._cache is None or shadow.kind != "execution":
            return None
        built = [monitor.selection for monitor in on if monitor.definition.scope == "server"]
        return self._cache.weaver(shadow, built) if built else None

    def _hold(self, shadow: Shadow, masks: tuple[Mask, ...]) -> None:
        """Keep the slots that a shadow's advice now reads, give back those of its advice before."""
        before = self._held.pop(shadow, ())
        for mask in masks:
            try:
                SPACE.hold(mask)
                self._held[shadow] = (*self._held.get(shadow, ()), mask)
            except WeaverError:
                log.debug("%s was woven without a guard", shadow.id)
        for mask in before:
            SPACE.release(mask)

    def _forget_dead(self) -> None:
        for shadow in [one for one in self._held if not one.is_alive]:
            self._hold(shadow, ())

    def _begin_anew(self, shadows: Iterable[Shadow]) -> None:
        """Forget why joinpoints could not be woven: they are woven now, or it is told again."""
        aborting = {record.name: record.aborted for record in self._catalog if record.aborted}
        for shadow in shadows if aborting else ():
            for name in (shadow.qualname, shadow.id.partition(":")[2]):
                aborting.get(shadow.module, {}).pop(name, None)

    def _failed(self, error: WeaveError, monitors: Iterable[Monitor]) -> None:
        log.warning("not woven: %s", error)
        for record in self._catalog:
            if record.name == error.module:
                record.aborted[error.joinpoint] = error.reason
        for monitor in monitors:
            if str(error) not in monitor.failures:
                monitor.failures.append(str(error))

    def _account(self, shadows: Sequence[Shadow], ns: int) -> None:
        """Put the time on the modules, in equal shares for each joinpoint."""
        counts: dict[str, int] = {}
        for shadow in shadows:
            counts[shadow.module] = counts.get(shadow.module, 0) + 1
        for record in self._catalog:
            record.ns += ns * counts.get(record.name, 0) // max(1, len(shadows))


def _look_for_all(record: ModuleRecord, pointcuts: Sequence[Pointcut]) -> None:
    """Make at once what several pointcuts ask for in a module, so that its functions are gone through once."""
    asking = [one for one in pointcuts if could_match(one, record.name)]
    if not asking:
        return
    kinds = frozenset[Kind]().union(*map(needs, asking))
    patterns = [names(one) for one in asking if needs(one) != EXECUTIONS]
    record.look_for(kinds, None if None in patterns else frozenset().union(*(one for one in patterns if one)))


def _exhaust(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _precedence(monitor: Monitor) -> tuple[int, str]:
    return monitor.definition.precedence, monitor.definition.name


def _slots_of(on: Sequence[Monitor]) -> tuple[tuple[str, Gate], ...]:
    """Return slots and gates that advice of these monitors reads, none when there are not enough."""
    masks = masks_read(on)
    try:
        slots = tuple(SPACE.slot_of(mask) for mask in masks)
        return slots if slots == tuple(SPACE.slot_of(mask) for mask in masks) else ()
    except WeaverError:
        return ()


def _of_function(record: ModuleRecord, function: FunctionType) -> list[Shadow]:
    return [one for one in record.executions if one.is_alive and one.function is function]


def _with_code(record: ModuleRecord, code: CodeType) -> Shadow | None:
    living = (one for one in record.shadows(EXECUTIONS) if not one.obstacle)
    return next((one for one in living if code_at(one) is code), None)


def _runs_early(shadow: Shadow) -> bool:
    return not shadow.obstacle and shadow.is_alive and is_early(shadow.function)


def _runs_woven(shadow: Shadow) -> bool:
    return not shadow.obstacle and shadow.is_alive and is_woven(shadow.function)
