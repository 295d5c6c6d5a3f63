"""Events as records of ``logging``, by the loggers ``weaver.events.MONITOR``: the fields stand in ``record.event``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from weaver.event import Event
from weaver.sinks.queued import Outcome

ROOT = "weaver.events"
_LEFT_OUT = frozenset({"dyes", "phase"})


class LoggerWriter:
    """Hands events to ``logging``, at one level.

    Shape: ``level`` is a name that ``logging`` knows. What a handler raises is dealt with by ``logging``.
    """

    def __init__(self, level: str) -> None:
        self.target = f"{ROOT} ({level})"
        self._level = logging.getLevelNamesMapping()[level]

    def write(self, events: Sequence[Event]) -> Outcome:
        """Log a batch."""
        for event in events:
            logger = logging.getLogger(f"{ROOT}.{event.monitor}")
            if logger.isEnabledFor(self._level):
                logger.log(self._level, "%s", Line(event), extra={"event": event})
        return Outcome(len(events))

    def close(self) -> None:
        """Do nothing: the handlers are the program's."""

    def forget(self) -> None:
        """Do nothing: the handlers are the program's."""

    def details(self) -> dict[str, int]:
        """Return nothing: there is nothing to count."""
        return {}


class Line:
    """An event as the text of a log line, made when a handler wants it."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __str__(self) -> str:
        event = self._event
        payload: dict[str, Any] = event.payload or {}
        said = [f"{key}={value}" for key, value in payload.items() if key not in _LEFT_OUT]
        place = f"{event.class_name or event.module}.{event.method}"
        return " ".join([event.type, str(payload.get("phase", "")), place, event.context_id or "-", *said])
