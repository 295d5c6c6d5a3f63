"""Compiles the monitors of one shadow into one advice.

Two forms. **Compiled**: one monitor whose action offers ``compile``: the woven code counts the pass and calls what the
action made for this shadow, with its errors kept in (``weaving.isolate``) and nothing between. **General**, for all the
rest (``general_advice``). A first monitor that compiles and has no dye mask is put around the advice of the others
(``layered_advice``): what it does is done in every pass, the others are asked for after it.

Advice does not trigger advice: the general form mutes the task's dyes, so that every guard below is shut; compiled
advice calls nothing that could be woven. No ``Exception`` of an action gets out, and of the other errors only those
that were aimed at the call (``faults``).
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING

from weaver import context
from weaver.dye import SPACE
from weaver.dye_mask import Mask, any_of
from weaver.errors import WeaverError
from weaver.faults import contain
from weaver.general_advice import GeneralAdvice, joinpoint_of
from weaver.joinpoint import Compiled, JoinPoint, PassTest
from weaver.layered_advice import LayeredAdvice
from weaver.log import Log
from weaver.shadow import Shadow
from weaver.weaving import Advice, Guard, Passes
from weaver.weaving.guard import nothing
from weaver.weaving.isolate import isolated, isolated_exit

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

NO_TESTS: Mapping[str, PassTest] = MappingProxyType({})

_CLOCKS = (time.perf_counter, time.perf_counter_ns, time.monotonic, time.monotonic_ns, time.time, time.time_ns)
"""Functions that cannot fail: nothing need be kept in."""


def compile_advice(shadow: Shadow, monitors: Sequence[Monitor], tests: Mapping[str, PassTest] = NO_TESTS) -> Advice:
    """Return the advice of a shadow for the monitors that are on there, in their order.

    Shape: ``tests`` are what the pointcuts of some monitors, by name, ask in each pass.
    """
    guard = _guard(shadow, monitors)
    if guard is not None and monitors[0].definition.name not in tests and (len(monitors) == 1 or _layers(monitors)):
        joinpoint = joinpoint_of(shadow, monitors[0])
        compiled = _compile(monitors[0], joinpoint)
        if compiled is not None:
            direct = _direct(monitors[0], compiled, guard, joinpoint.passes)
            return direct if len(monitors) == 1 else _layered(direct, compile_advice(shadow, monitors[1:], tests))
    general = GeneralAdvice(shadow, monitors, tests)
    if all(monitor.definition.location == "before" and not monitor.definition.outermost for monitor in monitors):
        return Advice(general.enter, guard=guard)
    return Advice(general.enter, general.exit, general.throw, guard)


def guard_mask(monitors: Sequence[Monitor]) -> Mask:
    """Return the mask that must match for the advice of monitors to run."""
    return any_of(monitor.mask for monitor in monitors)


def masks_read(monitors: Sequence[Monitor]) -> tuple[Mask, ...]:
    """Return the masks whose slots the advice of monitors reads: its guard's, and that of what is layered in it."""
    rest = masks_read(monitors[1:]) if _layers(monitors) else ()
    return (guard_mask(monitors), *rest)


def _layers(monitors: Sequence[Monitor]) -> bool:
    """Say whether the first monitor can be put around the others, if it compiles."""
    return len(monitors) > 1 and monitors[0].mask.is_always


def _layered(outer: Advice, inner: Advice) -> Advice:
    both = LayeredAdvice(outer, inner)
    return Advice(both.enter, both.exit, both.throw, outer.guard)


def _guard(shadow: Shadow, monitors: Sequence[Monitor]) -> Guard | None:
    try:
        slot, gate = SPACE.slot_of(guard_mask(monitors))
    except WeaverError as error:
        log.warning("%s has no guard, each pass asks the monitors: %s", shadow.id, error)
        return None
    return Guard(gate, context.current_dyes.get, slot)


def _compile(monitor: Monitor, joinpoint: JoinPoint) -> Compiled | None:
    """Return what a monitor's only action compiles to, None where the general form is needed."""
    shadow = joinpoint.shadow
    if shadow.kind != "execution" or shadow.obstacle:
        return None
    if monitor.is_restricted or monitor.definition.outermost or len(monitor.actions) > 1:
        return None
    if not monitor.actions:
        return Compiled()
    compile_for = getattr(monitor.actions[0], "compile", None)
    if compile_for is None:
        return None
    try:
        compiled: Compiled | None = compile_for(joinpoint)
        if compiled is not None:
            _check(compiled, len(shadow.parameters))
    except Exception:
        log.exception("monitor %s: %s cannot be compiled", monitor.definition.name, monitor.actions[0].name)
        return None
    return compiled


def _check(compiled: Compiled, parameters: int) -> None:
    """Refuse a function that does not take what it will get.

    Errors: TypeError, the action's fault.
    """
    wanted = {
        "enter": (compiled.enter, parameters if compiled.arguments else 0),
        "exit": (compiled.exit, 2),
        "throw": (compiled.throw, 2),
    }
    for name, (function, count) in wanted.items():
        if isinstance(function, FunctionType) and not _takes(function, count):
            raise TypeError(f"{name} does not take {count} arguments")


def _takes(function: FunctionType, count: int) -> bool:
    """Say whether a function can be called with so many arguments, by position; far faster than its signature."""
    code = function.__code__
    least = code.co_argcount - len(function.__defaults__ or ())
    most = count if code.co_flags & inspect.CO_VARARGS else code.co_argcount
    return least <= count <= most and code.co_kwonlyargcount <= len(function.__kwdefaults__ or ())


def _direct(monitor: Monitor, compiled: Compiled, guard: Guard, passes: Passes) -> Advice:
    """Return advice that the woven code counts and calls itself."""
    location = monitor.definition.location
    name = monitor.actions[0].name if monitor.actions else ""
    enter: Callable[..., object] = nothing
    exit_ = throw = None
    if compiled.enter is not None and location != "after":
        enter = compiled.enter
        if enter not in _CLOCKS:
            enter = isolated(enter, _Failed(monitor, name, "before", passes))
    if location != "before":
        failed = _Failed(monitor, name, "after", passes)
        exit_ = None if compiled.exit is None else isolated_exit(compiled.exit, failed)
        throw = None if compiled.throw is None else isolated(compiled.throw, failed)
    return Advice(enter, exit_, throw, guard, compiled.arguments, passes)


class _Failed:
    """Is told of errors in compiled advice.

    A pass between two errors ends their run; but not between two of recursion, which passes all the time.
    """

    def __init__(self, monitor: Monitor, action: str, phase: str, passes: Passes) -> None:
        self._monitor = monitor
        self._action = action
        self._phase = phase
        self._passes = passes
        self._last = 0

    def __call__(self, error: BaseException) -> None:
        now = self._passes.n
        if now > self._last + 1 and not isinstance(error, RecursionError):
            self._monitor.allowance.succeed(self._action, self._phase)
        self._last = now
        contain(self._monitor, self._action, self._phase, error)

    def __reduce__(self) -> tuple[object, ...]:
        """Become something in code that is pickled by value; there the gate is shut for ever."""
        return SimpleNamespace, ()
