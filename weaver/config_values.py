"""The faults of ``instrumentation.toml`` that only loaded plugins can find: names, masks, actions and properties.

Nothing is changed by judging. A value that has a fault already is not judged again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, get_args

from weaver.changeable import CHANGEABLE
from weaver.config import Draft
from weaver.config_faults import Fault, dye_names, monitor_faults
from weaver.dye_rules import RuleBook
from weaver.errors import WeaverError
from weaver.monitor import Location, MonitorDefinition
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

_NOWHERE: Pointcut = parse_pointcut("nowhere.nothing")
"""Stands for a custom monitor's pointcut, which is judged elsewhere."""
_RESTS_ON = {"actions": ("location",), "properties": ("actions", "location")}
"""What must be right before a value can be judged."""


def plugin_names(draft: Draft) -> list[str]:
    """Return the plugins that a file names, as far as these are names, whatever else is wrong."""
    found = _table(draft.values.get("weaver")).get("plugins")
    return [name for name in found if isinstance(name, str) and name.strip()] if isinstance(found, list) else []


def plugin_faults(errors: Iterable[WeaverError]) -> list[Fault]:
    """Return the faults for plugins that could not be loaded."""
    return [Fault(("weaver", "plugins"), str(error)) for error in errors]


def value_faults(draft: Draft, registry: Registry, flags: Collection[str]) -> list[Fault]:
    """Return what is wrong with the names and values of monitors, once the plugins have brought theirs."""
    with registry.rules.names.trial():
        return _value_faults(draft, registry, flags, dye_faults(draft, registry.rules))


def _value_faults(draft: Draft, registry: Registry, flags: Collection[str], of_dyes: list[Fault]) -> list[Fault]:
    library = registry.library()
    faults = [*of_dyes, *monitor_faults(draft.values, library, flags)]
    told = {fault.keys[:3] for fault in (*draft.faults, *faults)}
    for name, value in _table(draft.values.get("monitors")).items():
        if isinstance(value, dict) and (value.get("kind") == "custom") is (name not in library):
            definition = registry.definition(name) if name in library else _custom(name, value)
            faults += _of_monitor(definition, value, registry, told)
    return faults


def dye_faults(draft: Draft, rules: RuleBook) -> list[Fault]:
    """Return what is wrong with the rules; the names that the file uses are held, so that masks may name them.

    A name that cannot be held is a fault of the rules; a vector that is wide enough is made. Both is taken back by the
    trial of names within which this is called.
    """
    if draft.config is not None:
        rules.names.widen(draft.config.dyes.width)
    faults = []
    try:
        rules.names.hold(str(draft.path), dye_names(draft.values))
    except WeaverError as error:
        faults.append(Fault(("dyes", "rules"), str(error)))
    found = _table(draft.values.get("dyes")).get("rules")
    for number, rule in enumerate(found if isinstance(found, list) else ()):
        given = _table(rule)
        kind, value, name = (given[key] if isinstance(given.get(key), str) else "" for key in ("kind", "value", "name"))
        if not (kind and value and name):
            continue  # told by the model
        try:
            rules.judge(kind, value, name)
        except WeaverError as error:
            faults.append(Fault(("dyes", "rules", str(number)), str(error)))
    return faults


def _of_monitor(
    definition: MonitorDefinition, monitor: Mapping[str, Any], registry: Registry, told: Collection[tuple[str, ...]]
) -> Iterator[Fault]:
    """Yield the faults of one monitor, each at the key that it stands at."""
    keys = ("monitors", definition.name)
    nameless = _reason(registry, definition, {})
    if nameless is not None:
        yield Fault(keys, nameless)
        return
    good: dict[str, Any] = {}
    wrong = set(told)
    for key in [one for one in CHANGEABLE if one in monitor]:
        if wrong & {(*keys, key), *((*keys, one) for one in _RESTS_ON.get(key, ()))}:
            continue
        reason = _reason(registry, definition, {**good, key: monitor[key]})
        if reason is None:
            good[key] = monitor[key]
            continue
        wrong.add((*keys, key))
        if key == "properties":
            yield from _of_properties(registry, definition, good, monitor[key], reason)
        else:
            yield Fault((*keys, key), reason)
    if "actions" in good and "properties" not in monitor:
        reason = _reason(registry, definition, {**good, "properties": definition.properties})
        if reason is not None:
            yield Fault((*keys, "actions"), reason)


def _of_properties(
    registry: Registry,
    definition: MonitorDefinition,
    good: Mapping[str, Any],
    properties: Mapping[str, Any],
    reason: str,
) -> Iterator[Fault]:
    """Yield a fault at each property that is refused by its name, else one for all of them."""
    keys, found = ("monitors", definition.name, "properties"), False
    for key, value in properties.items():
        own = _reason(registry, definition, {**good, "properties": {key: value}})
        if own is not None and re.search(rf"(?<!\w){re.escape(key)}(?!\w)", own):
            found = True
            yield Fault((*keys, key), own)
    if not found:
        yield Fault(keys, reason)


def _reason(registry: Registry, definition: MonitorDefinition, attributes: Mapping[str, Any]) -> str | None:
    try:
        registry.judge(definition, attributes)
    except WeaverError as error:
        name = definition.name
        return str(error).removeprefix(f"{name}: ").removeprefix(f"monitor {name}: ")
    return None


def _custom(name: str, monitor: Mapping[str, Any]) -> MonitorDefinition:
    location: Location = monitor["location"] if monitor.get("location") in get_args(Location) else "before"
    return MonitorDefinition(name, "application", "custom", location, _NOWHERE)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
