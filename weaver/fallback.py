"""What weaves where the assembler does not: ``sys.monitoring`` (CPython 3.12 and later), else proxies on attributes.

Chosen at start by the self-test. It reaches less and costs more, and says so: only executions are woven; with proxies
only what is looked up by its attribute. The advice is the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any, NamedTuple

from weaver.errors import WeaveError
from weaver.shadow import Shadow, parameter_names
from weaver.swap import Change, code_at, weave_shadows
from weaver.weaving import Advice, selftest
from weaver.weaving.proxy import enter, lets_through, weave_proxy

WeaveAll = Callable[[Iterable[Change]], dict[Shadow, WeaveError]]

ONLY_EXECUTIONS = "places inside functions are woven by the assembler only, which does not know this Python"
TOOL = "weaver"


class Engine(NamedTuple):
    """A way to weave.

    Shape: ``reason`` says why it is not the assembler, empty when it is.
    """

    name: str
    weave: WeaveAll
    reason: str = ""


ASSEMBLER = Engine("assembler", weave_shadows)


def choose_engine() -> Engine:
    """Return the assembler where the self-test says that it works, else the best of the others."""
    reason = selftest()
    if reason is None:
        return ASSEMBLER
    if hasattr(sys, "monitoring"):
        return Engine("sys.monitoring", MonitoringEngine().weave, reason)
    return Engine("proxies", weave_proxies, reason)


def weave_proxies(changes: Iterable[Change]) -> dict[Shadow, WeaveError]:
    """Weave by proxies on the attributes; functions inside others are out of reach."""
    errors: dict[Shadow, WeaveError] = {}
    for change in changes:
        try:
            if change.shadow.kind != "execution" and change.advice is not None:
                raise WeaveError(change.shadow.module, change.shadow.qualname, ONLY_EXECUTIONS)
            weave_proxy(change.shadow, change.advice)
        except WeaveError as error:
            errors[change.shadow] = error
    return errors


class MonitoringEngine:
    """Weaves by events of the interpreter: start, return and unwinding of the code objects with advice."""

    def __init__(self) -> None:
        self._woven: dict[int, tuple[CodeType, Advice]] = {}
        self._entered: dict[FrameType, tuple[Advice, Any]] = {}
        self._tool: int | None = None

    def weave(self, changes: Iterable[Change]) -> dict[Shadow, WeaveError]:
        """Weave; what cannot be done stays as it is."""
        errors: dict[Shadow, WeaveError] = {}
        for change in changes:
            shadow = change.shadow
            if shadow.obstacle or shadow.kind != "execution":
                reason = shadow.obstacle or ONLY_EXECUTIONS
                if change.advice is not None:
                    errors[shadow] = WeaveError(shadow.module, shadow.qualname, reason)
            elif shadow.is_alive:
                try:
                    self._set(code_at(shadow), change.advice)
                except ValueError as error:
                    errors[shadow] = WeaveError(shadow.module, shadow.qualname, str(error))
        return errors

    def _set(self, code: CodeType, advice: Advice | None) -> None:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        events = monitoring.events
        tool = self._register(monitoring)
        if advice is None:
            self._woven.pop(id(code), None)
        else:
            self._woven[id(code)] = (code, advice)
        monitoring.set_local_events(tool, code, 0 if advice is None else events.PY_START | events.PY_RETURN)
        monitoring.set_events(tool, events.PY_UNWIND if self._woven else 0)
        if not self._woven:
            self._entered.clear()

    def _register(self, monitoring: Any) -> int:
        """Take a tool id.

        Errors: ValueError when other tools have them all.
        """
        if self._tool is not None:
            return self._tool
        free = [number for number in range(6) if monitoring.get_tool(number) is None]
        if not free:
            raise ValueError("other tools have all ids of sys.monitoring")
        self._tool = free[-1]
        monitoring.use_tool_id(self._tool, TOOL)
        events = monitoring.events
        for event, callback in (
            (events.PY_START, self._start),
            (events.PY_RETURN, self._return),
            (events.PY_UNWIND, self._unwind),
        ):
            monitoring.register_callback(self._tool, event, callback)
        return self._tool

    def _start(self, code: CodeType, offset: int) -> None:
        del offset
        found = self._woven.get(id(code))
        if found is not None and lets_through(found[1].guard):
            frame = sys._getframe(1)
            values = frame.f_locals
            advice = found[1]
            self._entered[frame] = advice, enter(advice, *(values[name] for name in parameter_names(code)))

    def _return(self, code: CodeType, offset: int, value: object) -> None:
        del code, offset
        entered = self._entered.pop(sys._getframe(1), None)
        if entered is not None and entered[0].exit is not None:
            entered[0].exit(entered[1], value)

    def _unwind(self, code: CodeType, offset: int, error: BaseException) -> None:
        del code, offset
        entered = self._entered.pop(sys._getframe(1), None)
        if entered is not None and entered[0].throw is not None:
            entered[0].throw(entered[1], error)
