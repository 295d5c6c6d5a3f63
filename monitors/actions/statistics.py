"""Running statistics by class, method and signature, and the actions that keep them; no events.

    MethodInvocationStatisticsAction         nanoseconds that an invocation takes
    MethodMemoryAllocationStatisticsAction   bytes by which memory grew in it

They are read and set back with a query (``drill_down``) over ``statistics.read`` and ``statistics.reset``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from time import perf_counter_ns

from monitors.actions.drill_down import ATTRIBUTES, EVERYTHING, Query
from monitors.actions.kept import Kept
from monitors.actions.traced_memory import TracedMemory, allocated_since, traced_bytes
from weaver.api import ActionKind, Compiled, Invocation, JoinPoint, Shadow


class Statistic:
    """Count, extremes and sums of some measurements."""

    __slots__ = ("count", "least", "most", "squares", "total")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.count = self.total = self.squares = self.least = self.most = 0

    def add(self, value: int) -> None:
        """Take one measurement in."""
        if value < self.least or not self.count:
            self.least = value
        if value > self.most or not self.count:
            self.most = value
        self.count += 1
        self.total += value
        self.squares += value * value

    def join(self, other: Statistic) -> None:
        """Take another's measurements in."""
        if other.count:
            self.least = min(self.least, other.least) if self.count else other.least
            self.most = max(self.most, other.most) if self.count else other.most
            self.count += other.count
            self.total += other.total
            self.squares += other.squares

    def read(self) -> dict[str, float]:
        """Return the seven attributes by name."""
        count = max(1, self.count)
        variance = (self.squares * count - self.total**2) / count**2
        values = (
            self.count,
            self.least,
            self.most,
            self.total / count,
            self.total,
            self.squares,
            sqrt(max(0, variance)),
        )
        return dict(zip(ATTRIBUTES, values, strict=True))


Found = dict[str, dict[str, dict[str, dict[str, float]]]]


class MethodStatistics:
    """The statistics of one kind of measurement, by monitor and method."""

    def __init__(self) -> None:
        self._kept: Kept[tuple[str, tuple[str, str, str]], Statistic] = Kept()

    def of(self, joinpoint: JoinPoint) -> Statistic:
        """Return what is kept for a monitor at a joinpoint."""
        return self._kept.of((joinpoint.monitor, method_of(joinpoint.shadow)), Statistic)

    def read(self, query: Query = EVERYTHING, monitor: str = "") -> Found:
        """Return what a query asks for; what several monitors measured at one method is put together.

        Shape: class -> method -> signature -> attribute -> value.
        """
        joined: dict[tuple[str, str, str], Statistic] = {}
        for method, statistic in self._select(query, monitor):
            joined.setdefault(method, Statistic()).join(statistic)
        found: Found = {}
        for (owner, name, signature), statistic in sorted(joined.items()):
            values = {key: value for key, value in statistic.read().items() if key in query.attributes}
            found.setdefault(owner, {}).setdefault(name, {})[signature] = values
        return found

    def reset(self, query: Query = EVERYTHING, monitor: str = "") -> int:
        """Begin anew with the methods that a query names; return how many these are."""
        found = list(self._select(query, monitor))
        for _, statistic in found:
            statistic.reset()
        return len(found)

    def _select(self, query: Query, monitor: str) -> Iterator[tuple[tuple[str, str, str], Statistic]]:
        for (by, method), statistic in self._kept.items():
            if monitor in {"", by} and query.fits(*method):
                yield method, statistic


def method_of(shadow: Shadow) -> tuple[str, str, str]:
    """Return class, or module of a function, name and signature of what a joinpoint is in."""
    return (
        shadow.class_name or shadow.module,
        shadow.name if shadow.class_name else shadow.qualname,
        ",".join(parameter.name for parameter in shadow.parameters),
    )


class MethodInvocationStatisticsAction:
    """Keeps how long invocations take: count, extremes, average, sums and deviation by method; no event.

    Units: nanoseconds.
    """

    name = "MethodInvocationStatisticsAction"
    kind: ActionKind = "around"

    def __init__(self, statistics: MethodStatistics) -> None:
        self._statistics = statistics

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Do nothing: the invocation has its times."""

    def leave(self, invocation: Invocation) -> None:
        """Take the elapsed time in."""
        self._statistics.of(invocation.joinpoint).add(invocation.elapsed_ns)

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return the clock for the beginning and the measurement for the end."""
        add, clock = self._statistics.of(joinpoint).add, perf_counter_ns

        def measure(began: int, _outcome: object) -> None:
            add(clock() - began)

        return Compiled(clock, measure, measure, arguments=False)


class MethodMemoryAllocationStatisticsAction:
    """Keeps by how many bytes memory grew in invocations, as MethodInvocationStatisticsAction keeps times; no event.

    Units: bytes; what they are is said at TraceMemoryAllocationAction.
    """

    name = "MethodMemoryAllocationStatisticsAction"
    kind: ActionKind = "around"

    def __init__(self, statistics: MethodStatistics, memory: TracedMemory) -> None:
        self._statistics = statistics
        self._memory = memory

    def switch_on(self, monitor: str) -> None:
        """Begin to trace."""
        self._memory.begin(self.name, monitor)

    def switch_off(self, monitor: str) -> None:
        """End it, if nobody else needs it."""
        self._memory.end(self.name, monitor)

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Keep how much is in use."""
        invocation.state = traced_bytes()

    def leave(self, invocation: Invocation) -> None:
        """Take the growth in."""
        grown = allocated_since(invocation.state)
        if grown is not None:
            self._statistics.of(invocation.joinpoint).add(grown)
