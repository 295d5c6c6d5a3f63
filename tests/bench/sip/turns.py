"""Times small work in turns: each variant gets a short round, and the best round of each counts.

Whatever else the machine does only adds to a round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any

WARM, ROUND, ROUNDS = 50, 100, 100
"""Calls of a round that are not timed, that are, and rounds."""

Work = tuple[Callable[[Any], object], Callable[[int], list[Any]]]
"""What is done, and what gives the inputs of a round, ``WARM + ROUND`` of them."""


def best_times(work: Mapping[str, Work], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the time of one call of each.

    Units: microseconds.
    """
    best = dict.fromkeys(work, float("inf"))
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number in range(rounds):
            for name, (run, inputs_of) in work.items():
                best[name] = min(best[name], _microseconds(run, inputs_of(number)))
    finally:
        gc.enable()
        gc.unfreeze()
    return best


def _microseconds(run: Callable[[Any], object], inputs: list[Any]) -> float:
    for value in inputs[:WARM]:
        run(value)
    rest = inputs[WARM:]
    begin = time.perf_counter_ns()
    for value in rest:
        run(value)
    return (time.perf_counter_ns() - begin) / len(rest) / 1000
