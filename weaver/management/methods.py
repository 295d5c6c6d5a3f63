"""The methods that every admin socket has: ``monitor.*`` and ``event.recent``.

A session adds ``event.subscribe`` and ``event.unsubscribe``, which belong to one connection; plugins add their own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Protocol

from weaver.errors import InvalidAttributeError
from weaver.event import Event
from weaver.management.roles import Role
from weaver.management.rpc import INVALID_PARAMS, UNKNOWN_NAME, MethodLike, RegisteredMethod, RpcError, by_name
from weaver.registry import CHANGEABLE

RECENT_LIMIT = 1000


class MonitorRegistry(Protocol):
    """What the methods need of the registry."""

    def list(self) -> list[dict[str, Any]]:
        """Return the status of every monitor."""
        ...

    def get(self, name: str) -> dict[str, Any]:
        """Return the status of a monitor.

        Errors: UnknownNameError.
        """
        ...

    def set(self, name: str, **attributes: Any) -> dict[str, Any]:
        """Change a monitor at once.

        Errors: UnknownNameError, InvalidAttributeError; then nothing has changed.
        """
        ...


class RecentEvents(Protocol):
    """What the methods need of the event buffer."""

    def recent(self) -> list[Event]:
        """Return the last events, the oldest first."""
        ...


class MonitorMethods:
    """``monitor.list``, ``monitor.get`` and ``monitor.set`` over a registry."""

    def __init__(self, registry: MonitorRegistry) -> None:
        self._registry = registry

    def list_all(self) -> Any:
        """Return the status of every monitor, a list."""
        return self._registry.list()

    def get(self, name: str) -> dict[str, Any]:
        """Return the status of a monitor.

        Errors: RpcError.
        """
        self.check(name)
        return self._registry.get(name)

    def set(self, name: str, attributes: dict[str, Any], reason: str = "") -> dict[str, Any]:
        """Change attributes of a monitor, all of them or none; the next message sees them.

        Shape: the new status, and ``old`` with the values before; ``reason`` is for the audit line.
        Errors: RpcError, InvalidAttributeError.
        """
        self.check(name)
        if not attributes:
            raise InvalidAttributeError(f"{name}: nothing to set; these can be set: {', '.join(CHANGEABLE)}")
        for key in attributes:
            if key not in CHANGEABLE:
                near = difflib.get_close_matches(key, CHANGEABLE, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"these can: {', '.join(CHANGEABLE)}"
                raise InvalidAttributeError(f"{name}: {key!r} cannot be set; {hint}")
        before = self._registry.get(name)
        self._registry.set(name, **attributes)
        old = {key: before.get(key) for key in attributes}
        return {**self._registry.get(name), "old": old, **({"reason": reason} if reason else {})}

    def check(self, name: str) -> None:
        """See that there is a monitor of that name.

        Errors: RpcError, with the names that are near.
        """
        names = [str(status["name"]) for status in self._registry.list()]
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.5) or _same_letters(name, names)
            raise RpcError(
                UNKNOWN_NAME, f"there is no monitor {name!r}", hint="monitor.list has the names", did_you_mean=near
            )


def standard_methods(registry: MonitorRegistry, events: RecentEvents) -> dict[str, MethodLike]:
    """Return the methods that need no connection of their own."""
    monitors = MonitorMethods(registry)

    def recent(limit: int = 100, monitor: str | None = None) -> Any:
        if not 0 < limit <= RECENT_LIMIT:
            raise RpcError(INVALID_PARAMS, f"the parameter 'limit' must be 1 to {RECENT_LIMIT}, not {limit}")
        return [event for event in events.recent() if monitor is None or event.monitor == monitor][-limit:]

    methods: Mapping[str, RegisteredMethod] = {
        "monitor.list": RegisteredMethod(by_name(monitors.list_all), "Lists all monitors.", Role.VIEWER),
        "monitor.get": RegisteredMethod(by_name(monitors.get), "Returns the status of a monitor.", Role.VIEWER),
        "monitor.set": RegisteredMethod(by_name(monitors.set), "Changes attributes of a monitor.", Role.OPERATOR),
        "event.recent": RegisteredMethod(by_name(recent), "Returns the last events, the oldest first.", Role.VIEWER),
    }
    return dict(methods)


def _same_letters(name: str, names: list[str]) -> list[str]:
    """Return the names that differ in case only, or hold the name."""
    return [known for known in names if name and name.lower() in known.lower()][:3]
