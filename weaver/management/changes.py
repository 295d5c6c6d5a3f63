"""The changes that clients have made to monitors: what each was, taking it back, and changes that last for a time.

Taking a change back touches only what is still as the change left it; what was changed since stays, and is named.
Who made a change stands in the audit log.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from time import time
from typing import Any, Literal, Protocol

from weaver.errors import InvalidAttributeError, UnknownNameError, WeaverError
from weaver.log import AUDIT
from weaver.management.definitions import redefined, split
from weaver.monitor import MonitorDefinition

audit = logging.getLogger(AUDIT)

KEPT = 200
"""Changes that can be listed and taken back; older ones are forgotten, but end when their time is up."""
LONGEST = 7 * 24 * 3600.0
"""Seconds that a change with an end may last."""

After = Callable[[float, Callable[[], object]], Callable[[], object]]
"""Calls a function once after so many seconds, unless its result is called before."""


class ChangedRegistry(Protocol):
    """What is needed of the registry to take a change back."""

    def get(self, name: str) -> dict[str, Any]:
        """Return the status of a monitor."""
        ...

    def set(self, name: str, **attributes: Any) -> dict[str, Any]:
        """Change a monitor."""
        ...

    def definition(self, name: str) -> MonitorDefinition:
        """Return what a monitor is by itself."""
        ...

    def serial(self, name: str) -> int:
        """Return the number of a monitor, which no other has."""
        ...

    def redefine(self, definition: MonitorDefinition, **attributes: Any) -> dict[str, Any]:
        """Give a custom monitor another definition, and other settings."""
        ...

    def add(self, definition: MonitorDefinition) -> None:
        """Register a monitor."""
        ...

    def remove(self, name: str) -> dict[str, Any]:
        """Take a custom monitor out."""
        ...


Undo = Callable[[ChangedRegistry, "LiveChange"], list[str]]


@dataclass(slots=True, eq=False)
class LiveChange:
    """One change.

    Shape: ``before`` and ``after`` have the attributes concerned; ``undo`` takes it back and returns what it left.
    Units: ``at`` and ``until`` seconds since the epoch.
    """

    id: int
    kind: Literal["set", "add", "remove"]
    monitor: str
    at: float
    undo: Undo
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    until: float | None = None
    undone: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        keys = ("id", "kind", "monitor", "at", "before", "after", "reason", "until", "undone")
        return {key: getattr(self, key) for key in keys}


class Changes:
    """The changes of one program; ``after`` is its clock for those with an end."""

    def __init__(
        self, registry: ChangedRegistry, after: After | None = None, now: Callable[[], float] = time, kept: int = KEPT
    ) -> None:
        self._registry = registry
        self._after = after
        self._now = now
        self._changes: deque[LiveChange] = deque(maxlen=kept)
        self._waiting: dict[LiveChange, Callable[[], object]] = {}
        self._ids = count(1)

    def check(self, ttl: float | None) -> None:
        """See that a change may last for so long; None is for good.

        Errors: InvalidAttributeError.
        """
        if ttl is not None and self._after is None:
            raise InvalidAttributeError("ttl: this program cannot take changes back by itself")
        if ttl is not None and not 0 < ttl <= LONGEST:
            raise InvalidAttributeError(f"ttl: must be over 0 and at most {LONGEST:g} seconds, not {ttl:g}")

    def note(
        self,
        kind: Literal["set", "add", "remove"],
        monitor: str,
        *,
        undo: Undo,
        ttl: float | None = None,
        **more: Any,
    ) -> LiveChange:
        """Keep a change that was made; with ``ttl``, which is checked, take it back after so many seconds."""
        change = LiveChange(next(self._ids), kind, monitor, self._now(), undo, **more)
        self._changes.append(change)
        if ttl is not None and self._after is not None:
            change.until = change.at + ttl
            self._waiting[change] = self._after(ttl, lambda: self._end(change))
        return change

    def list(self) -> list[dict[str, Any]]:
        """Return the changes, the oldest first."""
        return [change.as_json() for change in self._changes]

    def undo(self, id: int | None = None) -> dict[str, Any]:  # noqa: A002 - what a client calls it
        """Take back a change, by default the last one that was not taken back; return it and what was left.

        Errors: UnknownNameError; WeaverError when nothing is as the change left it.
        """
        return self._take_back(self._found(id), "by a client")

    def stop(self) -> None:
        """Take nothing back any more."""
        for cancel in self._waiting.values():
            cancel()
        self._waiting.clear()

    def _found(self, number: int | None) -> LiveChange:
        for change in reversed(self._changes):
            if change.id == number or (number is None and not change.undone):
                if change.undone:
                    raise UnknownNameError(f"change {number} was taken back already, {change.undone}")
                return change
        raise UnknownNameError("there is no change to take back" if number is None else f"there is no change {number}")

    def _end(self, change: LiveChange) -> None:
        del self._waiting[change]
        try:
            self._take_back(change, "its time was up")
        except WeaverError as error:
            change.undone = "in vain"
            audit.info("change %d of %s is not taken back: %s", change.id, change.monitor, error)

    def _take_back(self, change: LiveChange, why: str) -> dict[str, Any]:
        left = change.undo(self._registry, change)
        change.undone = why
        cancel = self._waiting.pop(change, None)
        if cancel is not None:
            cancel()
        audit.info("change %d of %s is taken back: %s; left: %s", change.id, change.monitor, why, left or "nothing")
        return {**change.as_json(), "left": left}


def set_back(registry: ChangedRegistry, change: LiveChange) -> list[str]:
    """Put attributes back; return those that were changed since."""
    now = registry.get(change.monitor)
    back = {key: change.before[key] for key, value in change.after.items() if now.get(key) == value}
    left = [key for key in change.after if key not in back]
    if not back:
        raise WeaverError(f"change {change.id}: {', '.join(left)} of {change.monitor} has been changed since")
    defining, others = split(back)
    if defining:
        registry.redefine(redefined(registry.definition(change.monitor), defining, {}), **others)
    else:
        registry.set(change.monitor, **others)
    return left


def take_out(serial: int, registry: ChangedRegistry, change: LiveChange) -> list[str]:
    """Take a monitor out that was added, unless another has taken its place."""
    if registry.serial(change.monitor) != serial:
        raise WeaverError(f"change {change.id}: there is another monitor {change.monitor} now")
    registry.remove(change.monitor)
    return []


def put_back(definition: MonitorDefinition, registry: ChangedRegistry, change: LiveChange) -> list[str]:
    """Put a monitor back that was removed."""
    registry.add(definition)
    registry.set(change.monitor, **change.before)
    return []
