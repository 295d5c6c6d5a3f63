"""TraceElapsedTimeAction: events before and after, the second with the time between; ElapsedTimeAction: adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from monitors.actions.kept import Kept
from weaver.api import ActionKind, Compiled, Invocation, JoinPoint


class TraceElapsedTimeAction:
    """Measures the joinpoint.

    Units: ``elapsed_ns`` nanoseconds.
    """

    name = "TraceElapsedTimeAction"
    kind: ActionKind = "around"

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Do nothing: this is an around action."""
        del invocation
        return None

    def enter(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the beginning."""
        del invocation
        return {}

    def leave(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the end, with the elapsed time."""
        found: dict[str, Any] = {"elapsed_ns": invocation.elapsed_ns}
        if invocation.error is not None:
            found["error"] = type(invocation.error).__name__
        return found


@dataclass(frozen=True, slots=True)
class ElapsedTime:
    """What one monitor has measured at one joinpoint.

    Shape: ``count`` has the passes that have begun, those that have not ended too.
    Units: ``total_ns`` nanoseconds.
    """

    monitor: str
    joinpoint: str
    count: int
    total_ns: int


class _Total:
    """Units: ``seconds``; floats, because adding them costs half of what adding large integers costs."""

    __slots__ = ("joinpoint", "seconds")

    def __init__(self, joinpoint: JoinPoint) -> None:
        self.joinpoint = joinpoint
        self.seconds = 0.0


class ElapsedTimeAction:
    """Adds up the time that a joinpoint takes; around, no event."""

    name = "ElapsedTimeAction"
    kind: ActionKind = "around"

    def __init__(self) -> None:
        self._totals: Kept[tuple[str, str], _Total] = Kept()

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Do nothing: the invocation has its times."""

    def leave(self, invocation: Invocation) -> None:
        """Add the elapsed time."""
        self._total(invocation.joinpoint).seconds += invocation.elapsed_ns / 1e9

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return the clock for the beginning and an addition for the end."""
        total, clock = self._total(joinpoint), perf_counter

        def add(began: float, _outcome: object) -> None:
            total.seconds += clock() - began

        return Compiled(clock, add, add, arguments=False)

    def totals(self) -> list[ElapsedTime]:
        """Return what was measured, by monitor and joinpoint."""
        found = (total for _, total in sorted(self._totals.items(), key=lambda item: item[0]))
        return [
            ElapsedTime(
                one.joinpoint.monitor, one.joinpoint.shadow.id, one.joinpoint.passes.n, round(one.seconds * 1e9)
            )
            for one in found
        ]

    def _total(self, joinpoint: JoinPoint) -> _Total:
        return self._totals.of((joinpoint.monitor, joinpoint.shadow.id), lambda: _Total(joinpoint))
