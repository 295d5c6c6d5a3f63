"""Notices: what the weaver has to tell an operator unasked, such as a monitor that was switched off.

Few and kept for a while; subscribers must not block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from time import time_ns
from typing import Any, Literal

import msgspec

from weaver.log import Log
from weaver.redaction import plain

log = Log(__name__)

KEPT = 1_000
LEVELS = {"info": 20, "warning": 30, "error": 40}
"""Severity -> level of the log line."""

Severity = Literal["info", "warning", "error"]


class Notice(msgspec.Struct, frozen=True):
    """One notice.

    Shape: ``kind`` is what has happened (``monitor.stopped``, ``watch.fired``, ``call.kept`` and the like), ``source``
    the name of the monitor, watch or call.
    Units: ``timestamp`` milliseconds since the epoch.
    """

    notice_id: int
    timestamp: int
    kind: str
    source: str
    severity: Severity
    text: str
    details: dict[str, Any]


Subscriber = Callable[[Notice], None]
NOTHING: Mapping[str, object] = {}


class NoticeBoard:
    """The last notices, and those who get each new one."""

    def __init__(self, size: int = KEPT) -> None:
        self._ring: deque[Notice] = deque(maxlen=size)
        self._subscribers: list[Subscriber] = []
        self._serial = count(1)

    def publish(
        self, kind: str, source: str, text: str, severity: Severity = "warning", details: Mapping[str, object] = NOTHING
    ) -> Notice:
        """Keep a notice, log it and hand it on; a subscriber that raises goes."""
        shown: Any = plain(details)
        notice = Notice(
            next(self._serial), time_ns() // 1_000_000, kind, str(plain(source)), severity, str(plain(text)), shown
        )
        self._ring.append(notice)
        log.log(LEVELS[severity], "%s %s: %s", kind, notice.source, " ".join(notice.text.split()))
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(notice)
            except Exception:
                log.exception("a subscriber of notices failed and was removed")
                self._subscribers.remove(subscriber)
        return notice

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hand every new notice to a subscriber; call the result to end that."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def recent(self) -> list[Notice]:
        """Return the notices that are kept, the oldest first."""
        return list(self._ring)
