"""What a process of the weaver has running: started in order, stopped in the opposite one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from weaver.log import Log

log = Log(__name__)

Started = TypeVar("Started")


class Parts:
    """The parts that have been started.

    Shape: a part is a name, what starts it and what stops it; another one is another line of ``Weaver.start``.
    """

    def __init__(self) -> None:
        self._stops: list[tuple[str, Callable[[], object]]] = []

    def start(self, name: str, start: Callable[[], Started], stop: Callable[[], object]) -> Started:
        """Start a part and return what that gave; it is stopped with the others once it has started.

        Errors: those of ``start``; then it is not stopped.
        """
        started = start()
        self._stops.append((name, stop))
        return started

    def begin(self, name: str, start: Callable[[], Callable[[], object]]) -> None:
        """Start a part that returns what stops it.

        Errors: those of ``start``.
        """
        self._stops.append((name, start()))

    def stop(self) -> None:
        """Stop all parts, the last one first; one that fails is logged and keeps no other from it."""
        while self._stops:
            name, stop = self._stops.pop()
            try:
                stop()
            except Exception:
                log.exception("%s could not be stopped", name)
