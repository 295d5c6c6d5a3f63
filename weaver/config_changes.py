"""What leads from one ``instrumentation.toml`` to another: a list of changes, each of which can be taken back.

The rule: the file wins for what it changed. A value that both files agree on stays as it is in the running program,
also when it was changed there; a value that differs between them is set, whatever it was changed to. A custom monitor
that was taken out of the running program comes back when the file changes it; one that was added there gives way to the
file's of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel

from weaver.changeable import CHANGEABLE
from weaver.config import InstrumentationConfig, MonitorConfig
from weaver.config_faults import key_path
from weaver.monitor import MonitorDefinition, MonitorSettings
from weaver.registry import Registry

DEFINING = ("pointcut", "location", "scope")
"""What a custom monitor is, besides its settings."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value that differs between the files; ``live`` is what it has in the running program, if that is another."""

    keys: tuple[str, ...]
    kind: Literal["set", "add", "remove", "restart"]
    old: object = None
    new: object = None
    live: object = None

    def __str__(self) -> str:
        return f"{self.kind} {key_path(self.keys)}: {self.old!r} -> {self.new!r}"

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        values = {"old": self.old, "new": self.new, "live": self.live}
        return {"key": key_path(self.keys), "kind": self.kind, **values}


@dataclass(frozen=True, slots=True)
class Change:
    """One step, with what it changes and how it is done and undone."""

    rows: tuple[Row, ...]
    do: Callable[[], object]
    undo: Callable[[], object]


def monitor_changes(old: InstrumentationConfig, new: InstrumentationConfig, registry: Registry) -> Iterator[Change]:
    """Yield the changes of monitors; those that go away come last."""
    library, names = registry.library(), registry.names()
    gone = []
    for name in dict.fromkeys((*new.monitors, *old.monitors)):
        if name in library:
            yield from _of_library(name, old, new, registry)
        elif name in new.monitors:
            yield from _of_custom(name, old, new, registry)
        elif name in names:
            gone.append(_removal(name, registry))
    yield from gone


def attributes_of(monitor: MonitorConfig | None, definition: MonitorDefinition) -> dict[str, Any]:
    """Return the settings that a monitor of the file starts with: what the file says, else what the monitor has."""
    found = _defaults(definition)
    for key in found.keys() & (monitor.model_fields_set if monitor is not None else ()):
        value = getattr(monitor, key)
        found[key] = tuple(value) if isinstance(value, list) else value
    return found


def definition_of(name: str, config: InstrumentationConfig) -> MonitorDefinition:
    """Return the definition of a custom monitor of the file."""
    monitor = config.monitors[name]
    return MonitorDefinition(name, monitor.scope, "custom", monitor.location, config.pointcut_of(monitor))


def _defaults(definition: MonitorDefinition) -> dict[str, Any]:
    others = MonitorSettings()
    return {key: getattr(definition, key, getattr(others, key)) for key in CHANGEABLE}


def _of_library(
    name: str, old: InstrumentationConfig, new: InstrumentationConfig, registry: Registry
) -> Iterator[Change]:
    definition = registry.definition(name)
    before = attributes_of(old.monitors.get(name), definition)
    after = attributes_of(new.monitors.get(name), definition)
    yield from _setting(name, before, after, registry)


def _of_custom(
    name: str, old: InstrumentationConfig, new: InstrumentationConfig, registry: Registry
) -> Iterator[Change]:
    definition = definition_of(name, new)
    after = attributes_of(new.monitors[name], definition)
    was = definition_of(name, old) if name in old.monitors else None
    before = {} if was is None else attributes_of(old.monitors[name], was)
    if name not in registry.names():
        if was is None or (was, before) != (definition, after):
            yield _addition(definition, after, registry)
    elif was is None:
        yield _removal(name, registry)
        yield _addition(definition, after, registry)
    elif was == definition:
        yield from _setting(name, before, after, registry)
    else:
        yield _redefinition(definition, was, before, after, registry)


def _setting(name: str, before: Mapping[str, Any], after: Mapping[str, Any], registry: Registry) -> Iterator[Change]:
    changed = {key: value for key, value in after.items() if before[key] != value}
    if changed:
        live = registry.settings(name)
        yield Change(
            _rows(name, {key: before[key] for key in changed}, changed, live),
            lambda: registry.set(name, **changed),
            lambda: registry.set(name, **{key: live[key] for key in changed}),
        )


def _redefinition(
    definition: MonitorDefinition,
    was: MonitorDefinition,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    registry: Registry,
) -> Change:
    name = definition.name
    running, live = registry.definition(name), registry.settings(name)
    defining = {key: getattr(definition, key) for key in DEFINING if getattr(was, key) != getattr(definition, key)}
    changed = {key: value for key, value in after.items() if before[key] != value}
    return Change(
        _rows(
            name,
            {**defining_of(was, defining), **before},
            {**defining_of(definition, defining), **changed},
            {**defining_of(running, defining), **live},
        ),
        lambda: registry.redefine(replace(running, **defining), **changed),
        lambda: registry.redefine(running, **live),
    )


def _addition(definition: MonitorDefinition, after: Mapping[str, Any], registry: Registry) -> Change:
    def add() -> None:
        registry.add(definition)
        registry.set(definition.name, **after)

    return Change(
        (Row(("monitors", definition.name), "add", new=plain({**defining_of(definition), **after})),),
        add,
        lambda: _take_out(definition.name, registry),
    )


def _removal(name: str, registry: Registry) -> Change:
    running, live = registry.definition(name), registry.settings(name)

    def put_back() -> None:
        registry.add(running)
        registry.set(name, **live)

    return Change(
        (Row(("monitors", name), "remove", old=plain({**defining_of(running), **live})),),
        lambda: registry.remove(name),
        put_back,
    )


def _take_out(name: str, registry: Registry) -> None:
    if name in registry.names():
        registry.remove(name)


def defining_of(definition: MonitorDefinition, keys: Iterable[str] = DEFINING) -> dict[str, object]:
    """Return what defines a monitor as the file writes it."""
    return {key: str(getattr(definition, key)) for key in keys}


def _rows(
    name: str, before: Mapping[str, object], after: Mapping[str, object], live: Mapping[str, object]
) -> tuple[Row, ...]:
    return tuple(
        Row(
            ("monitors", name, key),
            "set",
            plain(before.get(key)),
            plain(value),
            None if live[key] == before.get(key) else plain(live[key]),
        )
        for key, value in after.items()
    )


def plain(value: object) -> object:
    """Return a value as JSON and TOML have it."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value
