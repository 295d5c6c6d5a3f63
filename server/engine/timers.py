"""Due timers: the near ones kept locally, the rest polled from the state tier."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf
from typing import Protocol

import gevent

from server.engine.call import CallKey
from server.state.deadlines import Deadlines

log = logging.getLogger(__name__)

GRAIN = 0.002
"""Seconds by which a timer may be late, so that near deadlines share a wake-up."""


class Now(Protocol):
    """Tells the time on the state store's clock."""

    def __call__(self) -> float:
        """Return it."""
        ...


class NearTimers:
    """Wakes calls at their next deadline."""

    def __init__(self, now: Now, wake: Callable[[CallKey], None]) -> None:
        self._now = now
        self._wake = wake
        self._deadlines = Deadlines()
        self._timer = gevent.get_hub().loop.timer(0.0, 0.0)
        self._armed = inf

    def schedule(self, key: CallKey, due: float) -> None:
        """Wake the call at ``due``, not at what was scheduled before; infinity wakes it never.

        Units: seconds on the state store's clock.
        """
        if due == inf:
            self._deadlines.clear(key)
            return
        self._deadlines.set(key, due)
        if due < self._armed:
            self._arm(due)

    def __contains__(self, key: CallKey) -> bool:
        return key in self._deadlines.at

    def __len__(self) -> int:
        return len(self._deadlines)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._timer.stop()
        self._timer.close()
        self._deadlines = Deadlines()

    def _arm(self, due: float) -> None:
        self._armed = due
        self._timer.stop()
        self._timer = gevent.get_hub().loop.timer(max(0.0, due - self._now()) + GRAIN, 0.0)
        self._timer.start(self._fire)

    def _fire(self) -> None:
        self._armed = inf
        now = self._now()
        while (name := self._deadlines.take(now)) is not None:
            try:
                self._wake(CallKey(name))
            except Exception:
                log.exception("a timer of call %s could not be queued", name)
        due = self._deadlines.first()
        if due < self._armed:
            self._arm(due)
