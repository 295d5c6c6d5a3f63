"""Compiles the monitors of one shadow into one advice, and keeps whatever goes wrong in them away from the call.

On a match the slow path asks each monitor's own mask. An error is counted and logged once; after a run of errors the
monitor is switched off. Advice does not trigger advice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.dye import SPACE, names_of
from weaver.event import Event
from weaver.joinpoint import Invocation
from weaver.monitor import Action
from weaver.shadow import Shadow
from weaver.weaving import Advice, Guard

if TYPE_CHECKING:
    from weaver.registry import Monitor

log = logging.getLogger(__name__)

ERRORS = 5
"""Errors in a row after which a monitor is switched off."""

RATE = 1_000
"""Events that one monitor may emit in a second; the rest is dropped and counted."""

_inside: ContextVar[bool] = ContextVar("inside_advice", default=False)
_served: ContextVar[frozenset[tuple[str, int]]] = ContextVar("outermost_served", default=frozenset())


def compile_advice(shadow: Shadow, monitors: Sequence[Monitor]) -> Advice:
    """Return the advice of a shadow for the monitors that are on there, in their order."""
    runner = _Runner(shadow, monitors)
    masks = {monitor.mask for monitor in monitors}
    common = masks.pop() if len(masks) == 1 else 0
    if common == 0:
        return Advice(runner.enter, runner.exit, runner.throw)
    slot, gate = SPACE.slot_of(common)
    return Advice(runner.enter, runner.exit, runner.throw, Guard(gate, context.current_dyes.get, slot))


class _Pass:
    """The monitors that run in one pass, and what has to be undone at its end."""

    __slots__ = ("invocations", "served")

    def __init__(self) -> None:
        self.invocations: list[tuple[Monitor, Invocation]] = []
        self.served: object = None


class _Runner:
    """Enter, exit and throw of one shadow; none of them raises."""

    def __init__(self, shadow: Shadow, monitors: Sequence[Monitor]) -> None:
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
        if monitor.definition.outermost and not self._first(monitor, arguments, made):
            return
        counters.fired += 1
        invocation = Invocation(self._shadow, arguments, monitor.definition.name, monitor.settings.properties)
        made.invocations.append((monitor, invocation))
        self._before(monitor, invocation)

    @staticmethod
    def _first(monitor: Monitor, arguments: tuple[Any, ...], made: _Pass) -> bool:
        """Say whether no frame around this one has served the same object for the same monitor."""
        served = _served.get()
        mark = (monitor.definition.name, id(arguments[0]) if arguments else 0)
        if mark in served:
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
        monitor.errors_in_a_row = 0
    except Exception:
        monitor.counters.errors += 1
        monitor.errors_in_a_row += 1
        if monitor.errors_in_a_row == 1:
            log.exception("monitor %s: %s failed", monitor.definition.name, action.name)
        if monitor.errors_in_a_row >= ERRORS:
            monitor.give_up(f"{ERRORS} errors in a row")
    finally:
        monitor.counters.ns += perf_counter_ns() - began
        _inside.reset(token)


def _emit(monitor: Monitor, action: Action, invocation: Invocation, payload: Mapping[str, Any], phase: str) -> None:
    shadow, found = invocation.shadow, context.current_context.get()
    now = time_ns()
    if not monitor.may_emit(now):
        monitor.counters.dropped += 1
        return
    owner = invocation.arguments[0] if shadow.class_name and invocation.arguments else None
    values = dict(payload)
    arguments, result = values.pop("arguments", None), values.pop("result", None)
    facts = {} if found is None else dict(found.facts)
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
        class_name=shadow.class_name if owner is None else type(owner).__qualname__,
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
