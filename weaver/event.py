"""Events: what actions emit, with the original product's 22 fields; subscribers must not block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from weaver.log import Log

log = Log(__name__)


class Event(msgspec.Struct, frozen=True):
    """One record.

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


class EventBuffer:
    """A ring of the last events, and those who get each new one."""

    def __init__(self, size: int = 10_000) -> None:
        self._ring: deque[Event] = deque(maxlen=size)
        self._subscribers: list[Subscriber] = []
        self._serial = count(1)
        self.emitted = 0
        self.failed = 0

    def next_id(self) -> int:
        """Return the id for the next record."""
        return next(self._serial)

    def emit(self, event: Event) -> None:
        """Keep an event and hand it on; a subscriber that raises is counted and goes."""
        self.emitted += 1
        self._ring.append(event)
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                self.failed += 1
                log.exception("an event subscriber failed and was removed")
                self._subscribers.remove(subscriber)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hand every new event to a subscriber; call the result to end that."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def recent(self) -> list[Event]:
        """Return the events of the ring, the oldest first."""
        return list(self._ring)
