"""Compiles the monitors of one shadow into one advice, and keeps whatever goes wrong in them away from the call.

On a match the slow path asks each monitor's own mask. An error is counted and logged once; after a run of errors of one
action the monitor is switched off. Advice does not trigger advice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.dye import SPACE, names_of
from weaver.errors import WeaverError
from weaver.event import Event
from weaver.joinpoint import Invocation, PassTest
from weaver.monitor import Action
from weaver.redaction import plain
from weaver.shadow import Shadow
from weaver.weaving import Advice, Guard

if TYPE_CHECKING:
    from weaver.registry import Monitor

log = logging.getLogger(__name__)

ERRORS = 5
"""Errors in a row after which a monitor is switched off."""

RATE = 1_000
"""Events that one monitor may emit in a second; the rest is dropped and counted."""

_SHOWN = frozenset({"arguments", "result"})
"""Parts of a payload with columns of their own; actions make them with ``redaction.show``."""

_inside: ContextVar[bool] = ContextVar("inside_advice", default=False)
_Mark = tuple[str, int, int]
_served: ContextVar[frozenset[_Mark]] = ContextVar("outermost_served", default=frozenset())


NO_TESTS: Mapping[str, PassTest] = MappingProxyType({})


def compile_advice(shadow: Shadow, monitors: Sequence[Monitor], tests: Mapping[str, PassTest] = NO_TESTS) -> Advice:
    """Return the advice of a shadow for the monitors that are on there, in their order."""
    runner = _Runner(shadow, monitors, tests)
    masks = guard_masks(monitors)
    if not masks:
        return Advice(runner.enter, runner.exit, runner.throw)
    try:
        slot, gate = SPACE.slot_of(*masks)
    except WeaverError as error:
        log.warning("%s has no guard, each pass asks the monitors: %s", shadow.id, error)
        return Advice(runner.enter, runner.exit, runner.throw)
    return Advice(runner.enter, runner.exit, runner.throw, Guard(gate, context.current_dyes.get, slot))


def guard_masks(monitors: Sequence[Monitor]) -> tuple[int, ...]:
    """Return the masks of which one must match for the advice to run; none if it has to run always."""
    masks = {monitor.mask for monitor in monitors}
    return () if 0 in masks else tuple(sorted(masks))


class _Pass:
    """The monitors that run in one pass, and what has to be undone at its end."""

    __slots__ = ("invocations", "served")

    def __init__(self) -> None:
        self.invocations: list[tuple[Monitor, Invocation]] = []
        self.served: object = None


class _Runner:
    """Enter, exit and throw of one shadow; none of them raises."""

    def __init__(self, shadow: Shadow, monitors: Sequence[Monitor], tests: Mapping[str, PassTest]) -> None:
        self._tests = tests
        self._shadow = shadow
        self._monitors = tuple(monitors)

    def enter(self, *arguments: Any) -> _Pass | None:
        if _inside.get():
            return None
        token = _inside.set(True)
        made = _Pass()
        try:
            for monitor in self._monitors:
                self._enter_one(monitor, arguments, made)
        except Exception:
            log.exception("advice at %s failed", self._shadow.id)
        finally:
            _inside.reset(token)
        return made if made.invocations or made.served else None

    def _enter_one(self, monitor: Monitor, arguments: tuple[Any, ...], made: _Pass) -> None:
        counters = monitor.counters
        counters.reached += 1
        if monitor.mask:
            vector = context.resolve().vector
            if vector & monitor.mask != monitor.mask:
                return
        counters.dyed += 1
        if monitor.is_restricted and not monitor.includes_class(self._owner(arguments)):
            return
        invocation = Invocation(self._shadow, arguments, monitor.definition.name, monitor.settings.properties)
        test = self._tests.get(monitor.definition.name)
        if test is not None and test.at_entry is not None and not test.at_entry(invocation):
            return
        if monitor.definition.outermost and not self._first(monitor, arguments, made):
            return
        counters.fired += 1
        made.invocations.append((monitor, invocation))
        self._before(monitor, invocation)

    def _owner(self, arguments: tuple[Any, ...]) -> str:
        owner = owner_of(self._shadow, arguments)
        return self._shadow.module if owner is None else f"{owner.__module__}.{owner.__qualname__}"

    @staticmethod
    def _first(monitor: Monitor, arguments: tuple[Any, ...], made: _Pass) -> bool:
        """Say whether no frame around this one has served the same object and message for the same monitor.

        A helper without a message belongs to whatever its object is serving.
        """
        served = _served.get()
        name, owner = monitor.definition.name, id(arguments[0]) if arguments else 0
        mark = (name, owner, id(arguments[1]) if len(arguments) > 1 else 0)
        if mark in served or (not mark[2] and any(other[:2] == mark[:2] for other in served)):
            return False
        token = _served.set(served | {mark})
        if made.served is None:
            made.served = token
        return True

    @staticmethod
    def _before(monitor: Monitor, invocation: Invocation) -> None:
        """Act before the joinpoint; at once, because a dye that is set here counts for the monitors behind."""
        if monitor.definition.location == "around":
            for action in monitor.actions:
                _act(monitor, action, action.enter, invocation, "before")
            invocation.started_ns = perf_counter_ns()
        elif monitor.definition.location == "before":
            for action in monitor.actions:
                _act(monitor, action, action.run, invocation, "before")

    def exit(self, made: _Pass | None, value: Any) -> Any:
        if made is not None:
            self._after(made, value, None)
        return value

    def throw(self, made: _Pass | None, error: BaseException) -> None:
        if made is not None:
            self._after(made, None, error)

    def _after(self, made: _Pass, value: object, error: BaseException | None) -> None:
        now = perf_counter_ns()
        for monitor, invocation in reversed(made.invocations):
            invocation.result, invocation.error = value, error
            test = self._tests.get(monitor.definition.name)
            if test is not None and test.at_exit is not None and not test.at_exit(invocation):
                continue
            if monitor.definition.location == "around":
                invocation.elapsed_ns = now - invocation.started_ns
                for action in reversed(monitor.actions):
                    _act(monitor, action, action.leave, invocation, "after")
            elif monitor.definition.location == "after":
                for action in monitor.actions:
                    _act(monitor, action, action.run, invocation, "after")
            invocation.error = None
        if made.served is not None:
            try:
                _served.reset(made.served)  # type: ignore[arg-type]
            except ValueError:
                _served.set(frozenset())  # a generator that ends in another context than it began in


def _act(monitor: Monitor, action: Action, function: Any, invocation: Invocation, phase: str) -> None:
    """Run one action and emit its event; nothing gets out."""
    token = _inside.set(True)
    began = perf_counter_ns()
    try:
        payload = function(invocation)
        if payload is not None:
            _emit(monitor, action, invocation, payload, phase)
        if monitor.failing:
            monitor.failing.pop((action.name, phase), None)
    except Exception as error:  # noqa: BLE001 - nothing may reach the call; _failed reports it
        _failed(monitor, action, phase, error)
    finally:
        monitor.counters.ns += perf_counter_ns() - began
        _inside.reset(token)


def _failed(monitor: Monitor, action: Action, phase: str, error: Exception) -> None:
    """Count an error, tell of the first, switch the monitor off after a run of them."""
    monitor.counters.errors += 1
    run = monitor.failing.get((action.name, phase), 0) + 1
    monitor.failing[action.name, phase] = run
    try:
        if (action.name, phase) not in monitor.reported:
            monitor.reported.add((action.name, phase))
            log.error("monitor %s: %s failed", monitor.definition.name, action.name, exc_info=error)
        if run >= ERRORS and monitor.settings.enabled:
            monitor.give_up(f"{action.name} failed {ERRORS} times in a row")
    except Exception:
        log.exception("monitor %s could not be switched off", monitor.definition.name)


def owner_of(shadow: Shadow, arguments: tuple[Any, ...]) -> type | None:
    """Return the class of the object, or the class, that a method was called on."""
    if not shadow.class_name or not arguments or shadow.parameters[0].name not in {"self", "cls"}:
        return None
    first = arguments[0]
    return first if isinstance(first, type) else type(first)


def _emit(monitor: Monitor, action: Action, invocation: Invocation, payload: Mapping[str, Any], phase: str) -> None:
    shadow, found = invocation.shadow, context.current_context.get()
    now = time_ns()
    if not monitor.may_emit(now):
        monitor.counters.dropped += 1
        return
    owner = owner_of(shadow, invocation.arguments)
    values = {str(key): value if key in _SHOWN else plain(value) for key, value in payload.items()}
    arguments: Any = values.pop("arguments", None)
    result: Any = values.pop("result", None)
    facts = {} if found is None else {str(key): plain(value) for key, value in found.facts.items()}
    vector = 0 if found is None else found.vector
    event = Event(
        record_id=monitor.buffer.next_id(),
        timestamp=now // 1_000_000,
        context_id=None if found is None else found.id,
        transaction_id=None,
        user_id=None,
        type=action.name,
        domain="",
        server="",
        scope=monitor.definition.scope,
        module=shadow.module,
        monitor=monitor.definition.name,
        filename=shadow.filename,
        line=shadow.line,
        class_name=shadow.class_name if owner is None else owner.__qualname__,
        method=shadow.name,
        method_descriptor=f"({', '.join(p.name for p in shadow.parameters)})",
        arguments=arguments,
        result=result,
        payload={"phase": phase, **values, "dyes": list(names_of(vector))},
        context_payload=facts or None,
        dyes=vector,
        thread="",
    )
    monitor.counters.emitted += 1
    monitor.buffer.emit(event)
