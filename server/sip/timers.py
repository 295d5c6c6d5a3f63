"""The timers of RFC 3261 17 and RFC 6026 as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """The base values.

    Units: seconds.
    Source: RFC 3261 table 4.
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0


class Timer(NamedTuple):
    """One timer: ``factor`` times the base value ``base``; on a reliable transport as ``reliable`` says."""

    base: str
    factor: int
    reliable: str
    """``same``, ``zero`` (fires at once) or ``off`` (is never set)."""
    retires: bool = False
    """Whether it does nothing but end a transaction, so that it may be late."""


TIMERS = {
    "A": Timer("t1", 1, "off"),
    "B": Timer("t1", 64, "same"),
    "D": Timer("t1", 64, "zero", retires=True),
    "E": Timer("t1", 1, "off"),
    "F": Timer("t1", 64, "same"),
    "G": Timer("t1", 1, "off"),
    "H": Timer("t1", 64, "same"),
    "I": Timer("t4", 1, "zero", retires=True),
    "J": Timer("t1", 64, "zero", retires=True),
    "K": Timer("t4", 1, "zero", retires=True),
    "L": Timer("t1", 64, "same", retires=True),
    "M": Timer("t1", 64, "same", retires=True),
    "T": Timer("t1", 7, "same"),
}
"""Named as in the RFCs, but for T: the time after which timer E of the client is set to T2 (RFC 4320 4.1)."""

RETIRING = frozenset(name for name, timer in TIMERS.items() if timer.retires)
DOUBLES_TO_T2 = frozenset({"E", "G"})
REPEATS = frozenset({"A", "E", "G"})


def first_wait(name: str, *, reliable: bool, settings: TimerSettings) -> float | None:
    """Return how long after it is set a timer fires, None if it is not set at all.

    Units: seconds.
    """
    timer = TIMERS[name]
    if reliable and timer.reliable != "same":
        return 0.0 if timer.reliable == "zero" else None
    base: float = getattr(settings, timer.base)
    return base * timer.factor


def next_wait(name: str, interval: float, settings: TimerSettings) -> float:
    """Return the wait before the next retransmission when the last wait was ``interval``.

    Units: seconds.
    Errors: KeyError if the timer does not retransmit (ours).
    Source: RFC 3261 17.1.1.2, 17.1.2.2, 17.2.1.
    """
    if name not in REPEATS:
        raise KeyError(name)
    doubled = 2 * interval
    return min(doubled, settings.t2) if name in DOUBLES_TO_T2 else doubled
