"""Work classes: how much of one kind of work a node does at the same time, so that no kind crowds out another.

    sip             turns of calls that got a message, or news of one that was sent
    timer           turns of calls of which a timer is due
    http            turns that HTTP servlets ask for
    admin           what the node does by itself or for its operator: polls of the state tier, new certificates
    an application  HTTP requests in the servlets of the application of that name

A turn above the limit of its class waits there, in order; when one ends, the next is begun behind all that is ready by
then. So 10,000 due timers are before a message by as many turns as ``timer`` allows at the same time, and no more. What
runs where it was asked for, as an HTTP request does, cannot wait without keeping its greenlet: it is refused.

A class in which as many wait as may is full: what would be a turn more is refused, if it can be (``overload.py``, and
the actions of HTTP servlets). What cannot is at most one turn for each call that there is.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import ParamSpec

from server.greenlets import Workers

P = ParamSpec("P")
log = logging.getLogger(__name__)

NAMES = ("sip", "timer", "http", "admin")

NO_LIMITS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class WorkClassStatistics:
    """What runs and what waits now, how much of both may, what was begun and what was refused since the start."""

    limit: float
    room: float
    running: int
    waiting: int
    begun: int
    refused: int


class WorkClass:
    """One kind of work, of which so much is done at the same time and so much may wait (``room``)."""

    def __init__(self, name: str, limit: float, workers: Workers, room: float = inf) -> None:
        self.name = name
        self._limit = limit
        self._room = room
        self._refusing_since: int | None = None
        self._workers = workers
        self._waiting: deque[Callable[[], object]] = deque()
        self._running = 0
        self._begun = 0
        self._refused = 0

    def submit(self, work: Callable[[], object]) -> None:
        """Have a worker do it, at once or when one of those before it is done."""
        if self._running < self._limit:
            self._running += 1
            self._workers.run(self._do, work)
        else:
            self._waiting.append(work)

    @property
    def is_full(self) -> bool:
        """Whether as many wait as may: what can be refused is to be."""
        return self._running >= self._limit and len(self._waiting) >= self._room

    def refuse(self) -> None:
        """Count what was refused because the class is full; the log says when that begins and when it is over."""
        if self._refusing_since is None:
            self._refusing_since = self._refused
            log.warning("work class %s: %d wait, new work is refused", self.name, len(self._waiting))
        self._refused += 1

    @contextmanager
    def admitted(self) -> Iterator[bool]:
        """Count what the block does here; its value says whether there is room: if not, the block must do nothing."""
        if self._running >= self._limit:
            self._refused += 1
            yield False
            return
        self._running += 1
        self._begun += 1
        try:
            yield True
        finally:
            self._end()

    def statistics(self) -> WorkClassStatistics:
        """Return the present counts."""
        waiting = len(self._waiting)
        return WorkClassStatistics(self._limit, self._room, self._running, waiting, self._begun, self._refused)

    def _do(self, work: Callable[[], object]) -> None:
        self._begun += 1
        try:
            work()
        finally:
            self._end()

    def _end(self) -> None:
        if self._waiting:
            self._workers.run(self._do, self._waiting.popleft())
            if self._refusing_since is not None and len(self._waiting) <= self._room / 2:
                log.info("work class %s: %d were refused", self.name, self._refused - self._refusing_since)
                self._refusing_since = None
        else:
            self._running -= 1


class WorkClasses:
    """The work classes of a node.

    Shape: ``limits`` by name, ``application`` for each application, ``waiting`` what may wait in each; what has none is
    not limited.
    """

    def __init__(self, workers: Workers, limits: Mapping[str, float] = NO_LIMITS) -> None:
        self._workers = workers
        self._limits = limits
        room = limits.get("waiting", inf)
        self._classes = {name: WorkClass(name, limits.get(name, inf), workers, room) for name in NAMES}

    def of(self, name: str) -> WorkClass:
        """Return a class; one that nobody has asked for before is that of an application."""
        found = self._classes.get(name)
        if found is None:
            found = WorkClass(name, self._limits.get("application", inf), self._workers)
            self._classes[name] = found
        return found

    def statistics(self) -> Mapping[str, WorkClassStatistics]:
        """Return the present counts by name."""
        return {name: found.statistics() for name, found in self._classes.items()}
