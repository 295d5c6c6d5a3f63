"""A monitor at work: its definition, what of it changes live, what it selects, its counts and its allowance."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from weaver.catalog import ModuleRecord
from weaver.dye_mask import ALWAYS
from weaver.joinpoint import NO_PROPERTIES, Checked, PassTest
from weaver.limits import DEFAULT, Allowance, Limits, parse_limits
from weaver.monitor import Action, MonitorCounters, MonitorDefinition, MonitorSettings
from weaver.shadow import Shadow
from weaver.woven_file import Selection

if TYPE_CHECKING:
    from weaver.registry import Registry

_SERIALS = count(1)


class Monitor:
    """A monitor at work."""

    def __init__(self, definition: MonitorDefinition, registry: Registry) -> None:
        self.definition = definition
        self.serial = next(_SERIALS)
        self.selection = selection_of(definition)
        self.buffer = registry.buffer
        self.settings = MonitorSettings(
            actions=definition.actions,
            properties=definition.properties,
            includes=definition.includes,
            excludes=definition.excludes,
            description=definition.description,
        )
        self.counters = MonitorCounters()
        self.actions: tuple[Action, ...] = ()
        self.checked: Checked = NO_PROPERTIES
        self.mask = ALWAYS
        self.revision = 0
        self.decided: WeakKeyDictionary[Shadow, tuple[bool, PassTest | None]] = WeakKeyDictionary()
        self.selected: WeakKeyDictionary[ModuleRecord, tuple[int, list[Shadow]]] = WeakKeyDictionary()
        self.failures: list[str] = []
        self.allowance = Allowance(DEFAULT, self.give_up)
        self.hang_ns = 0
        self.notice = ""
        self.flows: list[Monitor] = []
        self._included: dict[str, bool] = {}
        self._registry = registry

    @property
    def shadows(self) -> list[Shadow]:
        """The living joinpoints that are its own; modules that nobody has looked at yet are looked at."""
        return self._registry.shadows_of(self)

    def selects(self, shadow: Shadow) -> bool:
        """Say whether a joinpoint is known to be its own."""
        return self.decided.get(shadow, (False, None))[0]

    @property
    def is_restricted(self) -> bool:
        """Say whether the monitor is for some classes only."""
        return bool(self.settings.includes or self.settings.excludes)

    def includes_class(self, name: str) -> bool:
        """Say whether a class, ``module.Class``, or a module is one that the monitor is for."""
        found = self._included.get(name)
        if found is None:
            settings = self.settings
            found = (not settings.includes or _is_under(name, settings.includes)) and not _is_under(
                name, settings.excludes
            )
            self._included[name] = found
        return found

    def begin_anew(self) -> None:
        """Forget what belongs to the settings before: runs of errors, answers about classes, the notice."""
        self._included = {}
        limits = _limits_of(self)
        is_ours = self.definition.kind == "standard"
        self.hang_ns = 0 if is_ours else limits.hang_ms * 1_000_000
        if self.settings.enabled:
            self.allowance.begin_anew(limits)
            self.notice = ""

    def give_up(self, reason: str) -> None:
        """Switch the monitor off because of its own fault; it is asked for again where the stack is too deep for it."""
        if self.settings.enabled:
            self.notice = self.notice or f"switched off: {reason}"
            self._registry.exclusion.soon(self._switch_off)

    def _switch_off(self) -> None:
        """Be switched off, unless somebody has set the monitor meanwhile."""
        if self.settings.enabled and self.notice:
            self._registry.set(self.definition.name, enabled=False)
            self._registry.notices.publish("monitor.stopped", self.definition.name, self.notice)


def _limits_of(monitor: Monitor) -> Limits:
    """Return the limits of a monitor; an action that takes long has its time where these say nothing of it."""
    given = monitor.settings.limits
    limits = parse_limits(monitor.definition.name, given)
    longest = max((getattr(action, "hang_ms", 0) for action in monitor.actions), default=0)
    raised = {key: longest for key in ("hang_ms", "time_ms") if key not in given and longest > getattr(limits, key)}
    return dataclasses.replace(limits, **raised)


def selection_of(definition: MonitorDefinition) -> Selection:
    """Return why the functions of a monitor are woven."""
    return Selection(str(definition.pointcut), definition.location)


def _is_under(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, pattern + ".*") for pattern in patterns)
