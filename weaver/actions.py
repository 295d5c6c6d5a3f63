"""The actions there are, by name; which of them fit a monitor; which are in use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, get_args

from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, describe_error
from weaver.joinpoint import NO_PROPERTIES, Checked
from weaver.log import Log
from weaver.monitor import Action, ActionKind, Location, MonitorDefinition

log = Log(__name__)

KINDS: tuple[ActionKind, ...] = get_args(ActionKind)

NEEDED: dict[Location, tuple[str, ...]] = {"before": ("run",), "after": ("run",), "around": ("enter", "leave")}
"""The functions by which an action is told of a pass."""


class Actions:
    """All actions by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Action] = {}
        self._uses: dict[str, tuple[Action, ...]] = {}

    def add(self, action: Action) -> None:
        """Register an action.

        Errors: PluginError for one that lacks what its kind needs, or whose name is taken.
        """
        if action.kind not in KINDS:
            raise PluginError(f"action {action.name}: its kind is {' or '.join(KINDS)}, not {action.kind!r}")
        _check_functions(action, "around" if action.kind == "around" else "before")
        _check_model(action)
        if action.name in self._by_name:
            raise PluginError(f"action {action.name}: there is one of that name already")
        self._by_name[action.name] = action

    def resolve(self, definition: MonitorDefinition, names: Iterable[str]) -> tuple[Action, ...]:
        """Return the actions of a monitor by their names.

        Errors: UnknownNameError, InvalidAttributeError for one that does not fit the monitor.
        """
        if definition.kind == "standard":
            if tuple(names) != definition.actions:
                raise InvalidAttributeError(f"{definition.name}: the action of a standard monitor is fixed")
            return () if definition.action is None else (definition.action,)
        return tuple(self._fitting(definition, name) for name in names)

    def compatible(self, definition: MonitorDefinition) -> tuple[str, ...]:
        """Return the names of the actions that a monitor may have; those of a standard monitor are fixed."""
        if definition.kind == "standard":
            return definition.actions
        return tuple(sorted(name for name, action in self._by_name.items() if not _misfit(definition, action)))

    def _fitting(self, definition: MonitorDefinition, name: str) -> Action:
        action = self._by_name.get(name)
        if action is None:
            near = difflib.get_close_matches(name, self._by_name, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(self._by_name))}"
            raise UnknownNameError(f"{definition.name}: there is no action {name!r}{hint}")
        misfit = _misfit(definition, action)
        if misfit:
            raise InvalidAttributeError(f"{definition.name}: {name} {misfit}")
        return action

    def use(self, monitor: str, actions: tuple[Action, ...]) -> None:
        """Tell actions that a monitor which is on has them now, or has them no more.

        An action that needs something switched on has ``switch_on(monitor)`` and ``switch_off(monitor)``.
        Errors: InvalidAttributeError when an action cannot be used; then nothing has changed.
        """
        before = self._uses.get(monitor, ())
        begun: list[Action] = []
        for action in actions:
            if action not in before and hasattr(action, "switch_on"):
                try:
                    action.switch_on(monitor)
                except Exception as error:
                    for one in begun:
                        _switch_off(one, monitor)
                    raise InvalidAttributeError(
                        f"{monitor}: {action.name} cannot be used: {describe_error(error)}"
                    ) from error
                begun.append(action)
        for action in before:
            if action not in actions:
                _switch_off(action, monitor)
        self._uses[monitor] = actions


def check(monitor: str, actions: Iterable[Action], properties: Mapping[str, Any]) -> Checked:
    """Return a monitor's properties as its actions want them.

    Errors: InvalidAttributeError.
    """
    used = tuple(actions)
    if not properties and not any(hasattr(action, "Properties") or hasattr(action, "configure") for action in used):
        return NO_PROPERTIES
    from weaver.properties import check_properties  # as below

    return check_properties(monitor, used, properties)


def check_fixed(definition: MonitorDefinition) -> None:
    """See that a standard monitor's action, and no other's, is fixed and can act at its location.

    Errors: PluginError.
    """
    if definition.kind == "standard":
        if definition.action is not None:
            _check_functions(definition.action, definition.location)
            _check_model(definition.action)
    elif definition.action is not None:
        raise PluginError(f"monitor {definition.name}: only the action of a standard monitor is fixed")


def _check_functions(action: Action, location: Location) -> None:
    missing = [name for name in NEEDED[location] if not callable(getattr(action, name, None))]
    if missing:
        raise PluginError(f"action {action.name}: {', '.join(missing)} is missing")


def _check_model(action: Action) -> None:
    if hasattr(action, "Properties"):
        from weaver.properties import check_model  # not above: gevent patches what it imports

        check_model(action)


def _misfit(definition: MonitorDefinition, action: Action) -> str:
    """Return in words why an action does not fit a delegating or custom monitor, empty if it does."""
    if action.kind != definition.action_kind:
        kind = {"stateless": "a stateless", "around": "an around", "built-in": "a built-in"}[action.kind]
        return f"is {kind} action and does not fit {definition.location}"
    patterns: tuple[str, ...] = getattr(action, "monitors", ())
    if definition.kind == "delegating" and patterns and not any(fnmatchcase(definition.name, one) for one in patterns):
        return f"is for {', '.join(patterns)}"
    return ""


def _switch_off(action: Action, monitor: str) -> None:
    try:
        if hasattr(action, "switch_off"):
            action.switch_off(monitor)
    except Exception:
        log.exception("monitor %s: %s could not be switched off", monitor, action.name)
