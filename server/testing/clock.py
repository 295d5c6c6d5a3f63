"""A clock that moves only when told."""

from __future__ import annotations

from server.clock import Instant


class ManualClock:
    """A clock for tests; its time of day is its monotonic time.

    Units: seconds.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now

    def monotonic(self) -> Instant:
        """Return the time."""
        return Instant(self._now)

    def wall(self) -> float:
        """Return the same as time of day."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on.

        Errors: ValueError for a step back (ours).
        """
        if seconds < 0:
            raise ValueError(f"a clock does not go back, not even by {-seconds:g} s")
        self._now += seconds
