"""The general form of advice: runs any monitors of one shadow, in their order, and keeps their errors from the call.

Each monitor asks for its own mask, classes, test and outermost frame; its actions get an invocation. While they run the
task's dyes are muted: every guard below is shut, so that advice does not trigger advice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.classes import dotted_name
from weaver.emission import emit, owner_of
from weaver.faults import contain
from weaver.hanging import GUARD
from weaver.joinpoint import Invocation, JoinPoint, PassTest
from weaver.log import Log
from weaver.monitor import Action
from weaver.pointcut.shown import NOTHING, shown
from weaver.shadow import Shadow
from weaver.weaving.guard import inert

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

_Mark = tuple[str, int, int]
_served: ContextVar[frozenset[_Mark]] = ContextVar("outermost_served", default=frozenset())


def joinpoint_of(shadow: Shadow, monitor: Monitor) -> JoinPoint:
    """Return what stays the same of a monitor's passes at a shadow."""
    name = monitor.definition.name
    passes = monitor.counters.passes_at(shadow.id)
    marked = shown(monitor.definition.pointcut, shadow) if "%" in monitor.selection.pointcut else NOTHING
    return JoinPoint(shadow, name, monitor.settings.properties, passes, monitor.checked, marked)


class _Pass:
    """The monitors that still have to act after the joinpoint, and what has to be undone then."""

    __slots__ = ("entered", "served")

    def __init__(self) -> None:
        self.entered: list[tuple[Monitor, PassTest | None, Invocation]] = []
        self.served: object = None


class GeneralAdvice:
    """Enter, exit and throw of one shadow, for any monitors."""

    def __init__(self, shadow: Shadow, monitors: Sequence[Monitor], tests: Mapping[str, PassTest]) -> None:
        self._shadow = shadow
        self._monitors = tuple(
            (monitor, joinpoint_of(shadow, monitor), tests.get(monitor.definition.name)) for monitor in monitors
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def enter(self, *arguments: Any) -> _Pass | None:
        """Act before the joinpoint; return what is to be done after it.

        Errors: what was aimed at the call meanwhile.
        """
        if context.current_dyes.get().is_muted:
            return None  # without a guard nobody has asked yet
        made = _Pass()
        try:
            self._enter_all(arguments, made)
        except Exception:
            log.exception("advice at %s failed", self._shadow.id)
        except BaseException as error:
            self._after(made, None, error)
            raise
        return made if made.entered or made.served else None

    def _enter_all(self, arguments: tuple[Any, ...], made: _Pass) -> None:
        muting = context.mute()
        try:
            for monitor, joinpoint, test in self._monitors:
                if self._fires(monitor, arguments):
                    self._enter_one(monitor, test, Invocation(joinpoint, arguments), made)
                muting = context.mute_again(muting)  # a dye that was set counts for the monitors behind
        finally:
            context.unmute(muting)

    def _fires(self, monitor: Monitor, arguments: tuple[Any, ...]) -> bool:
        """Say whether the message has the monitor's dyes and the object is of its classes."""
        if not monitor.settings.enabled:
            return False  # a closure that woven code made after the monitor was switched off
        if monitor.allowance.rests_until and monitor.allowance.rests(perf_counter_ns()):
            return False
        if not monitor.mask.matches(context.dye_vector()):
            monitor.counters.undyed += 1
            return False
        if monitor.is_restricted and not monitor.includes_class(self._owner(arguments)):
            monitor.counters.kept_out += 1
            return False
        return True

    def _enter_one(self, monitor: Monitor, test: PassTest | None, invocation: Invocation, made: _Pass) -> None:
        definition = monitor.definition
        refused = test is not None and not _holds(monitor, test.at_entry, invocation)
        if refused or (definition.outermost and not self._first(monitor, invocation.arguments, made)):
            monitor.counters.kept_out += 1
            return
        next(invocation.joinpoint.passes)
        if definition.location != "before":
            made.entered.append((monitor, test, invocation))
        if definition.location == "around":
            for action in monitor.actions:
                _act(monitor, action, action.enter, invocation, "before")
                invocation.entered.append((action, invocation.state))
                invocation.state = None
            invocation.started_ns = perf_counter_ns()
        elif definition.location == "before":
            for action in monitor.actions:
                _act(monitor, action, action.run, invocation, "before")

    def _owner(self, arguments: tuple[Any, ...]) -> str:
        owner = owner_of(self._shadow, arguments)
        return self._shadow.module if owner is None else dotted_name(owner)

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

    def exit(self, made: _Pass | None, value: Any) -> Any:
        """Act after the joinpoint has returned; return what it did.

        Errors: as above.
        """
        return value if made is None else self._after(made, value, None)

    def throw(self, made: _Pass | None, error: BaseException) -> None:
        """Act after the joinpoint has raised.

        Errors: as above.
        """
        if made is not None:
            self._after(made, None, error)

    def _after(self, made: _Pass, value: object, error: BaseException | None) -> object:
        """Act after the joinpoint, for all that entered, whatever happens; return the result.

        Errors: what was aimed at the call meanwhile.
        """
        now = perf_counter_ns()
        muting = context.mute()
        aimed: BaseException | None = None
        for monitor, test, invocation in reversed(made.entered):
            invocation.result, invocation.error, invocation.has_ended = value, error, True
            try:
                _after_one(monitor, test, invocation, now)
            except Exception:
                log.exception("advice at %s failed", self._shadow.id)
            except BaseException as thrown:  # noqa: BLE001 - raised again below
                aimed = thrown
            invocation.error = None
            if monitor.definition.changes_result:
                value = invocation.result
            muting = context.mute_again(muting)
        context.unmute(muting)
        if made.served is not None:
            try:
                _served.reset(made.served)  # type: ignore[arg-type]
            except ValueError:
                _served.set(frozenset())  # a generator that ends in another context than it began in
        if aimed is not None:
            raise aimed
        return value


def _after_one(monitor: Monitor, test: PassTest | None, invocation: Invocation, now_ns: int) -> None:
    holds = test is None or _holds(monitor, test.at_exit, invocation)
    if monitor.definition.location == "around":
        invocation.elapsed_ns = now_ns - invocation.started_ns
        for action, state in reversed(invocation.entered):
            invocation.state = state
            _act(monitor, action, action.leave, invocation, "after", emits=holds)
    elif holds:
        for action in monitor.actions:
            _act(monitor, action, action.run, invocation, "after")


def _holds(monitor: Monitor, test: Callable[[Invocation], bool] | None, invocation: Invocation) -> bool:
    if test is None:
        return True
    try:
        return test(invocation)
    except BaseException as error:  # noqa: BLE001 - contain() raises again what was aimed at the call
        contain(monitor, "the pointcut's test", "pass", error)
        return False


def _act(
    monitor: Monitor, action: Action, function: Any, invocation: Invocation, phase: str, *, emits: bool = True
) -> None:
    """Run one action and emit its event."""
    began = perf_counter_ns()
    try:
        if monitor.hang_ns and GUARD.is_watching:
            payload = GUARD.run(function, invocation, began + monitor.hang_ns)
        else:
            payload = function(invocation)
        if payload is not None and emits:
            emit(monitor, action.name, invocation, payload, phase)
        monitor.allowance.succeed(action.name, phase)
    except BaseException as error:  # noqa: BLE001 - as above
        contain(monitor, action.name, phase, error)
    finally:
        ended = perf_counter_ns()
        monitor.counters.ns += ended - began
        monitor.allowance.spend(began, ended)
