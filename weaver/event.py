"""Events: what actions emit, with the original product's 22 fields, and the bounded ring that keeps the last ones."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import msgspec

from weaver.log import Log

log = Log(__name__)


class Event(msgspec.Struct, frozen=True, gc=False):
    """One record: plain values only, and nobody changes the lists and tables in it, which events share.

    Shape: ``user_id`` is the user that the context knows; whether it was authenticated stands in the context payload.
    ``server`` is the node, ``thread`` the task. ``payload`` has the phase, what the action said, the names of the dyes.
    Units: ``timestamp`` milliseconds since the epoch; ``dyes`` is the vector.
    Source: the original's archive columns, in its order.
    """

    record_id: int
    timestamp: int
    context_id: str | None
    transaction_id: str | None
    user_id: str | None
    type: str
    domain: str
    server: str
    scope: str
    module: str
    monitor: str
    filename: str
    line: int
    class_name: str | None
    method: str
    method_descriptor: str
    arguments: list[str] | None
    result: str | None
    payload: dict[str, Any] | None
    context_payload: dict[str, Any] | None
    dyes: int
    thread: str


Subscriber = Callable[[Event], None]


class Origin(NamedTuple):
    """What of the process its events say: domain, node, and what names the running task."""

    domain: str = ""
    server: str = ""
    thread: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class BufferStatistics:
    """Counts of an event buffer.

    Shape: ``dropped`` has by reason what was not emitted (``rate``), is not in the ring any more (``overwritten``), or
    met a subscriber that raised (``subscriber``).
    """

    capacity: int
    kept: int
    emitted: int
    subscribers: int
    dropped: dict[str, int]


class EventBuffer:
    """A ring of the last events, and those who get each new one.

    Shape: a subscriber is called where the event happens, in the watched program's task: it must do no more than queue.
    """

    def __init__(self, size: int = 10_000, origin: Origin = Origin()) -> None:  # noqa: B008 - a value
        self.origin = origin
        self._ring: deque[Event] = deque(maxlen=size)
        self._subscribers: tuple[Subscriber, ...] = ()
        self._dropped: Counter[str] = Counter()
        self.emitted = 0
        self.begin_after(0)

    @property
    def failed(self) -> int:
        """How many subscribers have raised."""
        return self._dropped["subscriber"]

    def begin_after(self, record_id: int) -> None:
        """Give the next record an id above that one, so that an archive's ids go on rising."""
        self.next_id = count(record_id + 1).__next__

    def drop(self, reason: str) -> None:
        """Count an event that is not emitted."""
        self._dropped[reason] += 1

    def emit(self, event: Event) -> None:
        """Keep an event and hand it on; a subscriber that raises is counted and goes."""
        self.emitted += 1
        self._ring.append(event)
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                self.drop("subscriber")
                log.exception("an event subscriber failed and was removed")
                self._remove(subscriber)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hand every new event to a subscriber; call the result to end that."""
        self._subscribers = (*self._subscribers, subscriber)
        return lambda: self._remove(subscriber)

    def recent(self) -> list[Event]:
        """Return the events of the ring, the oldest first."""
        return list(self._ring)

    def statistics(self) -> BufferStatistics:
        """Return the counts."""
        kept = len(self._ring)
        dropped = {"overwritten": self.emitted - kept, **self._dropped}
        return BufferStatistics(self._ring.maxlen or 0, kept, self.emitted, len(self._subscribers), dropped)

    def _remove(self, subscriber: Subscriber) -> None:
        at = next((at for at, one in enumerate(self._subscribers) if one is subscriber), None)
        if at is not None:
            self._subscribers = self._subscribers[:at] + self._subscribers[at + 1 :]
