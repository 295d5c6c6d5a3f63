"""Paired timing: every variant in turn in each round, differences taken inside the round, medians over the rounds.

A turn is short, far below the time slice of a scheduler, so that most are not interrupted on a busy machine either.

Each variant has a loop compiled for it alone, so that none disturbs the inline caches of another.
"""

from __future__ import annotations

import gc
import itertools
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import gevent

WARM = 3
_serial = itertools.count()

LOOP = """
def loop(count, {parameters}):
    numbers = range(count)
    began = _clock()
    for _ in numbers:
        {statement}
    return _clock() - began
"""


@dataclass(frozen=True)
class Variant:
    """One statement to time; ``share`` of the calls that others get, for what is slow.

    ``before`` and ``after`` surround its turn in a round.
    """

    statement: str
    names: Mapping[str, Any]
    share: float = 1.0
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None


def loop_of(variant: Variant) -> Callable[[int], int]:
    """Compile the loop of a variant; its names are fast locals."""
    parameters = ", ".join(f"{name}={name}" for name in variant.names) or "_unused=0"
    source = LOOP.format(parameters=parameters, statement=variant.statement)
    namespace: dict[str, Any] = {**variant.names, "_clock": perf_counter_ns}
    exec(compile(source, f"<loop {next(_serial)}>", "exec"), namespace)
    made: Callable[[int], int] = namespace["loop"]
    return made


def times(variants: Mapping[str, Variant], calls: int, rounds: int) -> dict[str, list[float]]:
    """Return the nanoseconds a call of each variant, round by round."""
    loops = {name: loop_of(variant) for name, variant in variants.items()}
    found: dict[str, list[float]] = {name: [] for name in variants}
    gc.collect()
    gc.disable()
    try:
        for at in range(WARM + rounds):
            for name, variant in variants.items():
                taken = _turn(variant, loops[name], max(int(calls * variant.share), 50))
                if at >= WARM:
                    found[name].append(taken)
    finally:
        gc.enable()
    return found


def _turn(variant: Variant, loop: Callable[[int], int], calls: int) -> float:
    if variant.before is not None:
        variant.before()
        loop(min(calls, 200))
    try:
        return loop(calls) / calls
    finally:
        if variant.after is not None:
            variant.after()


def over(found: Mapping[str, list[float]], name: str, base: str) -> float:
    """Return how much more one variant takes than another."""
    return statistics.median(one - other for one, other in zip(found[name], found[base], strict=True))


def ratio(found: Mapping[str, list[float]], name: str, base: str) -> float:
    """Return how many times as long one variant takes as another."""
    return statistics.median(one / other for one, other in zip(found[name], found[base], strict=True))


def in_greenlet(function: Callable[[], Any]) -> Any:
    """Run a function in a greenlet of its own, as the server's code runs."""
    return gevent.spawn(function).get()  # noqa: TID251
