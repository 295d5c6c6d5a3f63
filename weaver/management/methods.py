"""What every admin socket can be asked: ``monitor.*``, ``change.*``, ``pointcut.*``, what was woven, events.

A session adds ``event.subscribe`` and ``event.unsubscribe``, which belong to one connection; plugins add their own.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from weaver.changeable import CHANGEABLE
from weaver.errors import InvalidAttributeError, UnknownNameError, WeaverError
from weaver.management.changes import Changes, put_back, set_back, take_out
from weaver.management.definitions import DEFINING, redefined, split
from weaver.management.events import EventSource, event_methods
from weaver.management.pointcut_methods import PointcutMethods
from weaver.management.roles import Role
from weaver.management.rpc import UNKNOWN_NAME, MethodLike, RegisteredMethod, RpcError, by_name
from weaver.monitor import Location, MonitorDefinition, Scope
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.shadow import Shadow


class MonitorRegistry(Protocol):
    """What the methods need of the registry."""

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

    def add(self, definition: MonitorDefinition) -> None:
        """Register a monitor, off.

        Errors: PluginError, UnknownNameError, InvalidAttributeError; then there is none.
        """
        ...

    def redefine(self, definition: MonitorDefinition, **attributes: Any) -> dict[str, Any]:
        """Give the custom monitor of that name another definition, and other settings.

        Errors: UnknownNameError, InvalidAttributeError; then nothing has changed.
        """
        ...

    def remove(self, name: str) -> dict[str, Any]:
        """Take a custom monitor out; return its last status.

        Errors: UnknownNameError, InvalidAttributeError.
        """
        ...

    def definition(self, name: str) -> MonitorDefinition:
        """Return what a monitor is by itself.

        Errors: UnknownNameError.
        """
        ...

    def serial(self, name: str) -> int:
        """Return the number of a monitor, which no other has.

        Errors: UnknownNameError.
        """
        ...

    def settings(self, name: str) -> dict[str, Any]:
        """Return what of a monitor can be changed.

        Errors: UnknownNameError.
        """
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of all monitors."""
        ...

    def look_ahead(self, names: Collection[str]) -> Iterator[None]:
        """Find the joinpoints of some monitors, step by step."""
        ...

    def report(self) -> dict[str, Any]:
        """Return how it is woven, and what was done in each module."""
        ...

    def shadows(self, pointcut: Pointcut) -> list[Shadow]:
        """Return the shadows of all modules, of the kinds that a pointcut can select."""
        ...


class MonitorMethods:
    """The methods ``monitor.*`` over a registry; ``named`` are the named pointcuts, ``pause`` lets others run."""

    def __init__(
        self, registry: MonitorRegistry, named: Mapping[str, Pointcut], changes: Changes, pause: Callable[[], object]
    ) -> None:
        self._registry = registry
        self._named = named
        self._changes = changes
        self._pause = pause

    def list_all(self) -> Any:
        """Return the status of every monitor, a list.

        Switches: yes.
        """
        names, found = self._registry.names(), []
        self._look_ahead(names)
        for name in names:
            with suppress(UnknownNameError):  # it was taken out meanwhile
                found.append(self._registry.get(name))
            self._pause()
        return found

    def _look_ahead(self, names: Collection[str]) -> None:
        for _ in self._registry.look_ahead(names):
            self._pause()

    def get(self, name: str) -> dict[str, Any]:
        """Return the status of a monitor.

        Errors: RpcError.
        Switches: yes, when there is much to look at yet.
        """
        self.check(name)
        self._look_ahead((name,))
        return self._registry.get(name)

    def set(self, name: str, attributes: dict[str, Any], reason: str = "", ttl: float | None = None) -> dict[str, Any]:
        """Change attributes of a monitor, all of them or none; the next message sees them.

        Shape: the new status, ``old`` with the values before, and the number of the ``change``; ``reason`` is for the
        audit line. Of a custom monitor ``pointcut`` and ``location`` can be set too. After ``ttl`` seconds all is as
        before.
        Errors: RpcError, InvalidAttributeError, PointcutSyntaxError.
        Switches: as ``get``, before anything is changed.
        """
        self.check(name)
        self._look_ahead((name,))
        status = self._set(name, attributes, ttl)
        after = {key: status.get(key) for key in attributes}
        change = self._changes.note(
            "set", name, undo=set_back, ttl=ttl, before=status["old"], after=after, reason=reason
        )
        return {**status, "change": change.id, **({"reason": reason} if reason else {})}

    def _set(self, name: str, attributes: Mapping[str, Any], ttl: float | None = None) -> dict[str, Any]:
        self.check(name)
        self._changes.check(ttl)
        if not attributes:
            raise InvalidAttributeError(f"{name}: nothing to set; these can be set: {', '.join(CHANGEABLE)}")
        for key in attributes:
            if key not in (*CHANGEABLE, *DEFINING):
                near = difflib.get_close_matches(key, CHANGEABLE, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"these can: {', '.join(CHANGEABLE)}"
                raise InvalidAttributeError(f"{name}: {key!r} cannot be set; {hint}")
        before = self._registry.get(name)
        defining, others = split(attributes)
        if defining:
            self._registry.redefine(redefined(self._registry.definition(name), defining, self._named), **others)
        else:
            self._registry.set(name, **others)
        old = {key: before.get(key) for key in attributes}
        return {**self._registry.get(name), "old": old}

    def add(
        self,
        name: str,
        pointcut: str,
        location: Location = "before",
        scope: Scope = "application",
        description: str = "",
        precedence: int = 100,
        attributes: dict[str, Any] | None = None,
        reason: str = "",
        ttl: float | None = None,
    ) -> dict[str, Any]:
        """Add a custom monitor and set its attributes, for ``ttl`` seconds or for good; return its status.

        Errors: PointcutSyntaxError, PluginError when the name is taken, InvalidAttributeError; then there is none.
        """
        self._changes.check(ttl)
        tree = parse_pointcut(pointcut, self._named)
        self._registry.add(MonitorDefinition(name, scope, "custom", location, tree, description, precedence=precedence))
        try:
            status = self._set(name, attributes) if attributes else self._registry.get(name)
        except WeaverError:
            self._registry.remove(name)
            raise
        undo = partial(take_out, self._registry.serial(name))
        change = self._changes.note("add", name, undo=undo, ttl=ttl, reason=reason)
        return {**status, "change": change.id, **({"reason": reason} if reason else {})}

    def remove(self, name: str, reason: str = "") -> dict[str, Any]:
        """Take a custom monitor out; return its last status.

        Errors: RpcError, InvalidAttributeError for a monitor of the library.
        """
        self.check(name)
        definition, before = self._registry.definition(name), self._registry.settings(name)
        status = self._registry.remove(name)
        change = self._changes.note("remove", name, undo=partial(put_back, definition), before=before, reason=reason)
        return {**status, "change": change.id, **({"reason": reason} if reason else {})}

    def check(self, name: str) -> None:
        """See that there is a monitor of that name.

        Errors: RpcError, with the names that are near.
        """
        names = list(self._registry.names())
        if name not in names:
            near = difflib.get_close_matches(name, names, 3, 0.5) or _same_letters(name, names)
            raise RpcError(
                UNKNOWN_NAME, f"there is no monitor {name!r}", hint="monitor.list has the names", did_you_mean=near
            )


def standard_methods(
    registry: MonitorRegistry,
    events: EventSource,
    named: Mapping[str, Pointcut] = MappingProxyType({}),
    changes: Changes | None = None,
    pause: Callable[[], object] = lambda: None,
) -> dict[str, MethodLike]:
    """Return the methods that need no connection of their own; ``named`` are the named pointcuts.

    Shape: ``pause`` is called in the middle of what takes long.
    """
    changes = changes or Changes(registry)
    monitors = MonitorMethods(registry, named, changes, pause)
    pointcuts = PointcutMethods(registry, named)

    def report(module: str = "") -> Any:
        found = registry.report()
        return {**found, "modules": [one for one in found["modules"] if one["module"].startswith(module)]}

    methods: Mapping[str, RegisteredMethod] = {
        "monitor.list": RegisteredMethod(by_name(monitors.list_all), "Lists all monitors.", Role.VIEWER),
        "monitor.get": RegisteredMethod(by_name(monitors.get), "Returns the status of a monitor.", Role.VIEWER),
        "monitor.set": RegisteredMethod(by_name(monitors.set), "Changes attributes of a monitor.", Role.OPERATOR),
        "monitor.add": RegisteredMethod(by_name(monitors.add), "Adds a custom monitor.", Role.OPERATOR),
        "monitor.remove": RegisteredMethod(by_name(monitors.remove), "Takes a custom monitor out.", Role.OPERATOR),
        "change.list": RegisteredMethod(by_name(changes.list), "Lists what clients have changed.", Role.VIEWER),
        "change.undo": RegisteredMethod(by_name(changes.undo), "Takes a change back.", Role.OPERATOR),
        "pointcut.match": RegisteredMethod(
            by_name(pointcuts.match), "Lists the joinpoints that an expression selects.", Role.VIEWER
        ),
        "pointcut.explain": RegisteredMethod(
            by_name(pointcuts.explain), "Says which part of an expression said no.", Role.VIEWER
        ),
        "weave.report": RegisteredMethod(by_name(report), "Returns what was woven in each module.", Role.VIEWER),
    }
    return {**methods, **event_methods(events)}


def _same_letters(name: str, names: list[str]) -> list[str]:
    """Return the names that differ in case only, or hold the name."""
    return [known for known in names if name and name.lower() in known.lower()][:3]
