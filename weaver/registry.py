"""The registry: actions and monitors by name, the shadows each matches, and the weaving of what is on.

Every change is applied at once: the shadows concerned get new woven code, or their original back.
"""

from __future__ import annotations

import builtins
import copy
import dataclasses
import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from weaver.actions import Actions, check, check_fixed
from weaver.at_work import Monitor, selection_of
from weaver.changeable import CHANGEABLE, read_value
from weaver.dye import NAMES, SPACE
from weaver.dye_mask import ALWAYS, Mask, flags_of, names_in, parse_mask
from weaver.dye_rules import RuleBook
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError
from weaver.event import EventBuffer
from weaver.exclusion import alone
from weaver.facts import FlowMark
from weaver.fallback import ASSEMBLER, Engine
from weaver.joinpoints import JoinPoints
from weaver.limits import UNLIMITED
from weaver.monitor import CHANGES_RESULT, Action, MonitorDefinition, MonitorSettings
from weaver.notices import NoticeBoard
from weaver.pointcut.match import flows, needs
from weaver.pointcut.nodes import Pointcut
from weaver.shadow import Shadow
from weaver.woven_cache import WovenCache

_NAME = re.compile(r"[\w.-]{1,80}")

_TIED = ("enabled", "actions", "properties")
"""What has to be judged and set again when a monitor gets another definition."""


class Registry:
    """All there is, by name.

    Shape: ``cache`` has the code that was woven at build time; without one everything is woven here. ``engine`` is how.
    """

    def __init__(self, buffer: EventBuffer, cache: WovenCache | None = None, engine: Engine = ASSEMBLER) -> None:
        self.buffer = buffer
        self.notices = NoticeBoard()
        self._joinpoints = JoinPoints(cache, engine)
        self.exclusion = self._joinpoints.exclusion
        self._actions = Actions()
        self._monitors: dict[str, Monitor] = {}
        self.rules = RuleBook()

    def add_action(self, action: Action) -> None:
        """Register an action.

        Errors: PluginError for one that lacks what its kind needs, or whose name is taken.
        """
        self._actions.add(action)

    @alone
    def add(self, definition: MonitorDefinition) -> None:
        """Register a monitor, off.

        Errors: PluginError when the name is taken or none that can be typed; InvalidAttributeError, UnknownNameError
        for its actions.
        """
        if definition.name in self._monitors:
            raise PluginError(f"monitor {definition.name}: there is one of that name already")
        if definition.changes_result and definition.name not in CHANGES_RESULT:
            raise PluginError(f"monitor {definition.name}: a monitor observes, it may not change results")
        check_fixed(definition)
        monitor = self._made(definition)
        monitor.actions = self._actions.resolve(definition, definition.actions)
        monitor.checked = check(definition.name, monitor.actions, definition.properties)
        self._match_anew(monitor)
        self._monitors[definition.name] = monitor

    @alone
    def remove(self, name: str) -> dict[str, Any]:
        """Take a custom monitor out, its advice too; return its last status.

        Errors: UnknownNameError; InvalidAttributeError for a monitor of the library, which can only be switched off.
        """
        monitor = self._monitor(name)
        if monitor.definition.kind != "custom":
            raise InvalidAttributeError(f"{name}: only a custom monitor can be removed; it can be switched off")
        self.set(name, enabled=False)
        status = self.get(name)
        NAMES.hold(f"monitor {name}", ())
        del self._monitors[name]
        return status

    def replace(self, name: str, pointcut: Pointcut) -> dict[str, Any]:
        """Give a custom monitor another pointcut; its settings and counters stay. Return its status.

        Errors: UnknownNameError, InvalidAttributeError.
        """
        return self.redefine(dataclasses.replace(self._monitor(name).definition, pointcut=pointcut))

    @alone
    def redefine(self, definition: MonitorDefinition, **attributes: Any) -> dict[str, Any]:
        """Give the custom monitor of that name another definition, and other settings; return its status.

        Shape: settings that are not given stay, and so do its counters.
        Errors: UnknownNameError, InvalidAttributeError; then nothing has changed.
        """
        name = definition.name
        monitor = self._monitor(name)
        if monitor.definition.kind != "custom":
            raise InvalidAttributeError(f"{name}: only a custom monitor's pointcut can be changed")
        attributes = {**{key: getattr(monitor.settings, key) for key in _TIED}, **attributes}
        self.judge(definition, attributes)
        self.set(name, enabled=False)
        monitor.definition, monitor.selection = definition, selection_of(definition)
        monitor.revision += 1
        self._match_anew(monitor)
        monitor.failures.clear()
        return self.set(name, **attributes)

    def _match_anew(self, monitor: Monitor) -> None:
        """Forget what a monitor was matched with; what others with its pointcut were matched with holds for it, too."""
        monitor.decided, monitor.selected = WeakKeyDictionary(), WeakKeyDictionary()
        for other in self._monitors.values():
            if other is not monitor and other.definition.pointcut == monitor.definition.pointcut:
                monitor.decided, monitor.selected = other.decided, other.selected
                return

    @alone
    def on_code(self, module: ModuleType, code: CodeType) -> CodeType:
        """Return the code of a module's body, woven from the build as far as that can be done before it runs."""
        return self._joinpoints.on_code(module, code, self._at_work())

    @alone
    def on_module(self, module: ModuleType) -> None:
        """Look at a module whose body has run, now or again; weave what is on."""
        self._joinpoints.on_module(module, self._at_work())

    @alone
    def on_main(self, name: str, module: ModuleType, body: FunctionType) -> None:
        """Look at a module that is about to run as ``__main__``; weave what its body will make."""
        self._joinpoints.on_main(name, module, body, self._at_work())

    @alone
    def shadows_of(self, monitor: Monitor) -> builtins.list[Shadow]:
        """Return the living joinpoints of a monitor."""
        return self._joinpoints.select(monitor)

    @alone
    def report(self) -> dict[str, Any]:
        """Return how it is woven, and what was inspected, matched, woven and not woven in each module."""
        return self._joinpoints.report()

    @alone
    def shadows(self, pointcut: Pointcut) -> builtins.list[Shadow]:
        """Return the shadows of all modules that a pointcut could select."""
        return self._joinpoints.shadows("", needs(pointcut))

    @alone
    def set(self, name: str, **attributes: Any) -> dict[str, Any]:
        """Change a monitor and apply it; return its status.

        Errors: UnknownNameError, InvalidAttributeError; then nothing has changed.
        """
        monitor = self._monitor(name)
        settings, actions, mask = self._prepared(monitor, attributes)
        checked = monitor.checked
        if "properties" in attributes or actions != monitor.actions:
            checked = check(name, actions, settings.properties)
        NAMES.hold(f"monitor {name}", [dye for entry in settings.dye_mask for dye in names_in(entry)])
        self._actions.use(name, actions if settings.enabled else ())
        was = monitor.settings.enabled
        if dataclasses.replace(settings, enabled=was) != monitor.settings or actions != monitor.actions:
            monitor.revision += 1
        monitor.settings, monitor.actions, monitor.mask, monitor.checked = settings, actions, mask, checked
        monitor.begin_anew()
        SPACE.want(flags_of(one.mask for one in self._monitors.values() if one.settings.enabled))
        if not was and not settings.enabled:
            return self.get(name)
        monitor.failures.clear()
        self._follow_flows(monitor)
        shadows = monitor.shadows
        self._joinpoints.weave(shadows, self._at_work())
        return self._status(monitor, shadows)

    def judge(self, definition: MonitorDefinition, attributes: Mapping[str, Any]) -> None:
        """See whether there could be such a monitor with these attributes set; nothing changes.

        Errors: as ``add`` and ``set`` raise them, but for a name that is taken.
        """
        settings, actions, _ = self._prepared(self._made(definition), attributes)
        if "properties" in attributes:
            check(definition.name, map(copy.copy, actions), settings.properties)

    def _prepared(
        self, monitor: Monitor, attributes: Mapping[str, Any]
    ) -> tuple[MonitorSettings, tuple[Action, ...], Mask]:
        """Return settings, actions and mask as they would be with some attributes changed."""
        name = monitor.definition.name
        unknown = [key for key in attributes if key not in CHANGEABLE]
        if unknown:
            raise InvalidAttributeError(f"{name}: {unknown[0]!r} cannot be set; these can: {', '.join(CHANGEABLE)}")
        settings = dataclasses.replace(monitor.settings, **{k: read_value(name, k, v) for k, v in attributes.items()})
        if monitor.definition.sets_dyes and settings.dye_filtering and settings.dye_mask:
            raise InvalidAttributeError(f"{name}: it sets the dyes, so that it can wait for none: leave the mask empty")
        actions = self._actions.resolve(monitor.definition, settings.actions)
        mask = parse_mask(settings.dye_mask)
        return settings, actions, mask if settings.dye_filtering else ALWAYS

    def get(self, name: str) -> dict[str, Any]:
        """Return the status of a monitor.

        Errors: UnknownNameError.
        """
        monitor = self._monitor(name)
        return self._status(monitor, monitor.shadows)

    def _status(self, monitor: Monitor, shadows: Iterable[Shadow]) -> dict[str, Any]:
        definition, settings = monitor.definition, monitor.settings
        return {
            "name": definition.name,
            "scope": definition.scope,
            "kind": definition.kind,
            "location": definition.location,
            "pointcut": str(definition.pointcut),
            "description": settings.description,
            "enabled": settings.enabled,
            "dye_mask": list(settings.dye_mask),
            "dye_filtering": settings.dye_filtering,
            "actions": builtins.list(settings.actions),
            "compatible_actions": builtins.list(self._actions.compatible(definition)),
            "properties": dict(settings.properties),
            "includes": list(settings.includes),
            "excludes": list(settings.excludes),
            "limits": dict(settings.limits),
            "joinpoints": builtins.list(dict.fromkeys(shadow.id for shadow in shadows)),
            "failures": list(monitor.failures),
            "notice": monitor.notice,
            "counters": _counters(monitor),
            "drops": dict(monitor.allowance.drops),
        }

    def look_ahead(self, names: Collection[str]) -> Iterator[None]:
        """Find the joinpoints of some monitors, so that they are at hand then; others may run between the steps."""
        steps = self._joinpoints.look_ahead([self._monitors[name] for name in names])
        while True:
            with self.exclusion:
                if next(steps, True):
                    return
            yield

    @alone
    def list(self) -> list[dict[str, Any]]:
        """Return the status of every monitor, by name."""
        self._joinpoints.complete(self._monitors.values())
        return [self.get(name) for name in sorted(self._monitors)]

    def names(self) -> tuple[str, ...]:
        """Return the names of all monitors."""
        return tuple(sorted(self._monitors))

    def is_dyeing(self) -> bool:
        """Say whether a monitor is on that sets dyes."""
        return any(one.definition.sets_dyes and one.settings.enabled for one in self._monitors.values())

    def library(self) -> frozenset[str]:
        """Return the names of the monitors that plugins have brought."""
        return frozenset(name for name, one in self._monitors.items() if one.definition.kind != "custom")

    def definition(self, name: str) -> MonitorDefinition:
        """Return what a monitor is by itself.

        Errors: UnknownNameError.
        """
        return self._monitor(name).definition

    def serial(self, name: str) -> int:
        """Return a number that no other monitor has, also none of that name that comes later.

        Errors: UnknownNameError.
        """
        return self._monitor(name).serial

    def counters(self, name: str) -> dict[str, int] | None:
        """Return the counters of a monitor, None when there is none."""
        monitor = self._monitors.get(name)
        return None if monitor is None else _counters(monitor)

    def settings(self, name: str) -> dict[str, Any]:
        """Return what of a monitor can be changed, as it is now.

        Errors: UnknownNameError.
        """
        settings = self._monitor(name).settings
        return {key: getattr(settings, key) for key in CHANGEABLE}

    def _made(self, definition: MonitorDefinition) -> Monitor:
        if _NAME.fullmatch(definition.name) is None:
            raise PluginError(
                f"monitor {definition.name[:80]!r}: a name has up to 80 letters, digits, '_', '-' and '.'"
            )
        return Monitor(definition, self)

    def _monitor(self, name: str) -> Monitor:
        monitor = self._monitors.get(name)
        if monitor is None:
            near = difflib.get_close_matches(name, self._monitors, 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UnknownNameError(f"there is no monitor {name!r}{hint}")
        return monitor

    def _at_work(self) -> builtins.list[Monitor]:
        """Return all monitors, with those that mark the flows others ask for."""
        return [one for monitor in self._monitors.values() for one in (monitor, *monitor.flows)]

    def _follow_flows(self, monitor: Monitor) -> None:
        """Mark the joinpoints of a monitor's ``cflow`` while it is on."""
        wanted = flows(monitor.definition.pointcut)
        before = [mark.definition.pointcut for mark in monitor.flows]
        if before != [*wanted]:
            monitor.flows = [_marking(monitor, pointcut, self) for pointcut in wanted]
        for mark in monitor.flows:
            mark.revision += mark.mask != monitor.mask
            mark.settings.enabled, mark.mask = monitor.settings.enabled, monitor.mask
            self._joinpoints.weave(self._joinpoints.select(mark), self._at_work())


def _marking(monitor: Monitor, pointcut: Pointcut, registry: Registry) -> Monitor:
    """Return the monitor that marks joinpoints of a pointcut as on the way, before all others there."""
    action = FlowMark(pointcut)
    name = f"{monitor.definition.name} cflow({pointcut})"
    definition = MonitorDefinition(
        name, monitor.definition.scope, "standard", "around", pointcut, action=action, precedence=-1
    )
    made = Monitor(definition, registry)
    made.actions = (action,)
    made.allowance.limits = UNLIMITED
    return made


def _counters(monitor: Monitor) -> dict[str, int]:
    return monitor.counters.read() | {"dropped": monitor.allowance.drops.total()}
