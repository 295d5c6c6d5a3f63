"""A clock that moves only when told."""

from __future__ import annotations

from server.clock import Instant


class ManualClock:
    """A clock for tests.

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
        """Move on."""
        self._now += seconds
