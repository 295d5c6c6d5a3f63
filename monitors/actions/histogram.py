"""HistogramAction: how many invocations took how long, in classes of powers of two; no event."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from monitors.actions.kept import Kept
from weaver.api import ActionKind, Compiled, Invocation, JoinPoint

CLASSES = 64
"""Classes of a histogram: class ``i`` has what took less than ``2**i`` ns and not less than half of that."""

QUANTILES = {"p50_ns": 0.5, "p95_ns": 0.95, "p99_ns": 0.99}


class HistogramAction:
    """Counts invocations by the time that they take, for each monitor and joinpoint; no event."""

    name = "HistogramAction"
    kind: ActionKind = "around"

    def __init__(self) -> None:
        self._histograms: Kept[tuple[str, str], list[int]] = Kept()

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Do nothing: the invocation has its times."""

    def leave(self, invocation: Invocation) -> None:
        """Count the invocation."""
        self._of(invocation.joinpoint)[invocation.elapsed_ns.bit_length()] += 1

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return the clock for the beginning and the count for the end."""
        histogram, clock = self._of(joinpoint), perf_counter_ns

        def count(began: int, _outcome: object) -> None:
            histogram[(clock() - began).bit_length()] += 1

        return Compiled(clock, count, count, arguments=False)

    def read(self, monitor: str = "") -> list[dict[str, Any]]:
        """Return the histograms of a monitor, or of all.

        Shape: ``classes`` are those that are not empty, the quickest first; each has its ``count`` and the time that
        its invocations were ``below_ns``. ``p50_ns`` and its like are upper bounds, right within a factor of two.
        """
        return [
            {"monitor": by, "joinpoint": joinpoint, **_figures(histogram)}
            for (by, joinpoint), histogram in sorted(self._histograms.items())
            if monitor in {"", by}
        ]

    def reset(self, monitor: str = "") -> int:
        """Begin anew for a monitor, or for all; return how many histograms these are."""
        found = [histogram for (by, _), histogram in self._histograms.items() if monitor in {"", by}]
        for histogram in found:
            histogram[:] = [0] * CLASSES
        return len(found)

    def _of(self, joinpoint: JoinPoint) -> list[int]:
        return self._histograms.of((joinpoint.monitor, joinpoint.shadow.id), lambda: [0] * CLASSES)


def _figures(histogram: list[int]) -> dict[str, Any]:
    total = sum(histogram)
    quantiles = {name: _quantile(histogram, total * share) for name, share in QUANTILES.items()}
    classes = [{"below_ns": 1 << at, "count": count} for at, count in enumerate(histogram) if count]
    return {"count": total, **quantiles, "classes": classes}


def _quantile(histogram: list[int], wanted: float) -> int | None:
    seen = 0
    for at, count in enumerate(histogram):
        seen += count
        if seen and seen >= wanted:
            return 1 << at
    return None
