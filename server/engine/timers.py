"""Due timers: the near ones kept locally on one heap, the rest polled from the state tier."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from math import inf
from typing import Protocol

import gevent

from server.engine.call import CallKey

log = logging.getLogger(__name__)

GRAIN = 0.002
"""Seconds by which a timer may be late, so that near deadlines share a wake-up."""


class Now(Protocol):
    """Tells the time on the state store's clock."""

    def __call__(self) -> float:
        """Return it."""
        ...


class NearTimers:
    """Wakes calls at their next deadline.

    A call has at most one live entry; one that was moved stays in the heap and is passed over when its time comes.
    """

    def __init__(self, now: Now, wake: Callable[[CallKey], None]) -> None:
        self._now = now
        self._wake = wake
        self._heap: list[tuple[float, CallKey]] = []
        self._due: dict[CallKey, float] = {}
        self._timer = gevent.get_hub().loop.timer(0.0, 0.0)
        self._armed = inf

    def schedule(self, key: CallKey, due: float) -> None:
        """Wake the call at ``due``, not at what was scheduled before; infinity wakes it never.

        Units: seconds on the state store's clock.
        """
        if due == inf:
            self._due.pop(key, None)
            return
        if self._due.get(key) == due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._due):
            self._heap = [(at, key) for key, at in self._due.items()]
            heapq.heapify(self._heap)
        if due < self._armed:
            self._arm(due)

    def __contains__(self, key: CallKey) -> bool:
        return key in self._due

    def __len__(self) -> int:
        return len(self._due)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._timer.stop()
        self._timer.close()
        self._heap.clear()
        self._due.clear()

    def _arm(self, due: float) -> None:
        self._armed = due
        self._timer.stop()
        self._timer = gevent.get_hub().loop.timer(max(0.0, due - self._now()) + GRAIN, 0.0)
        self._timer.start(self._fire)

    def _fire(self) -> None:
        self._armed = inf
        now = self._now()
        while (due := self._first()) <= now:
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            try:
                self._wake(key)
            except Exception:
                log.exception("a timer of call %s could not be queued", key)
        if due < self._armed:
            self._arm(due)

    def _first(self) -> float:
        """Return the earliest deadline, infinity for none; the places of those that were moved are dropped."""
        heap, due_of = self._heap, self._due
        while heap and due_of.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else inf
