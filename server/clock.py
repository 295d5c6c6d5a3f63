"""Time as a value: the clock protocol, the real clock, and the two kinds of instants.

Only this module reads the clocks of the machine for the server. ``ManualClock`` for tests lives in ``server.testing``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NewType, Protocol, cast

Instant = NewType("Instant", float)
"""Seconds on this machine's monotonic clock; means nothing on another machine."""

Deadline = NewType("Deadline", float)
"""Seconds on the state store's clock; the only kind of time that may stand in a call state."""


class Clock(Protocol):
    """What the server knows of time."""

    def monotonic(self) -> Instant:
        """Return the monotonic time.

        Units: seconds.
        """
        ...

    def wall(self) -> float:
        """Return the time of day, for Date headers and logs only.

        Units: seconds since the epoch.
        """
        ...


class SystemClock:
    """The clocks of this machine."""

    monotonic = staticmethod(cast("Callable[[], Instant]", time.monotonic))
    wall = staticmethod(time.time)
