"""What a monitor or a watch may use, and what becomes of one that uses more.

An allowance counts against its limits. Over the rate events are dropped; over the time of a second it rests for what is
left of that second. Who floods, is over his time in several seconds on end, fails several times in a row or hangs is
switched off, with a notice.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from weaver.errors import InvalidAttributeError
from weaver.log import Log

log = Log(__name__)

SECOND_NS = 1_000_000_000
SECONDS_OVER = 3
"""Seconds on end in which the time was used up, after which the user is switched off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one monitor or watch.

    Shape: ``rate`` events in a second, the rest is dropped; ``flood`` dropped ones in a second that switch it off;
    ``errors`` in a row that do.
    Units: ``time_ms`` milliseconds in a second of wall time; ``hang_ms`` milliseconds after which one action is
    stopped, 0 to let it run.
    """

    rate: int = 1_000
    flood: int = 10_000
    time_ms: int = 100
    errors: int = 5
    hang_ms: int = 50


DEFAULT = Limits()
UNLIMITED = Limits(time_ms=1_000, errors=1_000_000, hang_ms=0)
"""For what the weaver itself does beside the monitors."""

_RANGES = {
    "rate": (1, 1_000_000),
    "flood": (1, 1_000_000),
    "time_ms": (1, 1_000),
    "errors": (1, 1_000),
    "hang_ms": (0, 10_000),
}


def parse_limits(owner: str, values: object) -> Limits:
    """Return limits from a table; what is not named there is as by default.

    Errors: InvalidAttributeError, naming the owner and the key.
    """
    if not isinstance(values, Mapping):
        raise InvalidAttributeError(f"{owner}: limits must be a table, not {values!r}")
    for key, value in values.items():
        if key not in _RANGES:
            near = difflib.get_close_matches(str(key), _RANGES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_RANGES)}"
            raise InvalidAttributeError(f"{owner}: there is no limit {key!r}; {hint}")
        least, most = _RANGES[key]
        if type(value) is not int or not least <= value <= most:
            raise InvalidAttributeError(f"{owner}: limits.{key} must be {least} to {most}, not {value!r}")
    return Limits(**values)


class Allowance:
    """What one monitor or watch has used.

    Shape: ``drops`` counts by reason; ``stop(reason)`` switches the user off. ``rests_until`` is a moment of
    ``perf_counter_ns``, 0 while it has time left.
    """

    def __init__(self, limits: Limits, stop: Callable[[str], None]) -> None:
        self.limits = limits
        self.drops: Counter[str] = Counter()
        self.rests_until = 0
        self._stop = stop
        self._failing: dict[tuple[str, str], int] = {}
        self._reported: set[tuple[str, str]] = set()
        self._second = 0
        self._emitted = 0
        self._window_end = 0
        self._spent_ns = 0
        self._seconds_over = 0

    def begin_anew(self, limits: Limits) -> None:
        """Take limits and forget runs of errors and of used-up seconds; the counts of drops stay."""
        self.limits = limits
        self._failing.clear()
        self._reported.clear()
        self._seconds_over = self.rests_until = 0

    def may_emit(self, now_ns: int) -> bool:
        """Count an event against the rate of this second.

        Units: ``now_ns`` nanoseconds since the epoch.
        """
        second = now_ns // SECOND_NS
        if second != self._second:
            self._second, self._emitted = second, 0
        self._emitted += 1
        if self._emitted <= self.limits.rate:
            return True
        self.drops["rate"] += 1
        if self._emitted == self.limits.rate + self.limits.flood:
            self.stop(f"{self._emitted} events in one second are a flood")
        return False

    def rests(self, now_ns: int) -> bool:
        """Say whether the time of this second is used up, and count what is left out for it.

        Units: ``now_ns`` of ``perf_counter_ns``.
        """
        if now_ns >= self.rests_until:
            self.rests_until = 0
            return False
        self.drops["time"] += 1
        return True

    def spend(self, began_ns: int, ended_ns: int) -> None:
        """Count time against that of this second.

        Units: moments of ``perf_counter_ns``.
        """
        if began_ns >= self._window_end:
            if not self._was_over() or began_ns >= self._window_end + SECOND_NS:
                self._seconds_over = 0
            self._window_end, self._spent_ns = began_ns + SECOND_NS, 0
        was_over = self._was_over()
        self._spent_ns += ended_ns - began_ns
        if was_over or not self._was_over():
            return
        self.rests_until = max(self._window_end, ended_ns)
        self._window_end = self.rests_until
        self._seconds_over += 1
        if self._seconds_over >= SECONDS_OVER:
            self.stop(f"it took more than {self.limits.time_ms} ms in each of {SECONDS_OVER} seconds")

    def fail(self, what: str, phase: str) -> tuple[bool, bool]:
        """Count an error against the run of its action; say whether it is the first of its kind, and one too many."""
        key = what, phase
        run = self._failing[key] = self._failing.get(key, 0) + 1
        first = key not in self._reported
        self._reported.add(key)
        return first, run >= self.limits.errors

    def succeed(self, what: str, phase: str) -> None:
        """End a run of errors."""
        if self._failing:
            self._failing.pop((what, phase), None)

    def stop(self, reason: str) -> None:
        """Switch the user off; an error in doing so is told and goes no further."""
        try:
            self._stop(reason)
        except Exception:
            log.exception("what %s could not be switched off", reason)

    def _was_over(self) -> bool:
        return self._spent_ns > self.limits.time_ms * 1_000_000


assert {field.name for field in fields(Limits)} == set(_RANGES)
