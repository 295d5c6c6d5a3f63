"""The configuration in effect: each value, and where it comes from.

Sources: ``file:line``; ``default``, what a setting or a monitor has by itself; ``live``, changed while the program
runs; ``start``, what the file said then, because the change that it has now waits for a restart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from weaver.config import Draft, InstrumentationConfig, MonitorConfig
from weaver.config_changes import attributes_of, defining_of, definition_of, plain
from weaver.config_faults import key_path
from weaver.monitor import MonitorDefinition
from weaver.registry import Registry
from weaver.reload import Taken
from weaver.toml_lines import line_of

DEFAULT, LIVE, START = "default", "live", "start"


def effective(taken: Taken, registry: Registry) -> list[dict[str, Any]]:
    """Return every value as it is now, in the order of the model, then monitors by name.

    Shape: ``key``, ``value`` and ``source`` of each.
    """
    rows = [*_sections(taken), *_monitors(taken, registry)]
    return [{"key": key_path(keys), "value": plain(value), "source": source} for keys, value, source in rows]


_Row = tuple[tuple[str, ...], object, str]


def _sections(taken: Taken) -> Iterator[_Row]:
    file = taken.draft.config or InstrumentationConfig()
    for name in InstrumentationConfig.model_fields:
        section = getattr(taken.config, name)
        if name == "monitors":
            continue
        if not isinstance(section, BaseModel):
            source = _place(taken.draft, (name,)) if name in file.model_fields_set else DEFAULT
            yield (name,), section, source if section == getattr(file, name) else START
            continue
        yield from _settings(taken, (name,), section, getattr(file, name), taken.draft.values.get(name, {}))


def _settings(
    taken: Taken, path: tuple[str, ...], section: BaseModel, file: BaseModel, given: Mapping[str, Any]
) -> Iterator[_Row]:
    """Yield the settings of a section and of those in it."""
    for key in type(section).model_fields:
        keys, value = (*path, key), getattr(section, key)
        if isinstance(value, BaseModel):
            yield from _settings(taken, keys, value, getattr(file, key), given.get(key, {}))
        elif getattr(file, key) != value:
            yield keys, value, START
        else:
            yield keys, value, _place(taken.draft, keys) if key in given else DEFAULT


def _monitors(taken: Taken, registry: Registry) -> Iterator[_Row]:
    names = registry.names()
    for name in sorted({*names, *taken.config.monitors}):
        monitor = taken.config.monitors.get(name)
        if name not in names:
            yield ("monitors", name), None, LIVE
            continue
        definition = registry.definition(name)
        now = {**registry.settings(name), **(defining_of(definition) if definition.kind == "custom" else {})}
        yield from _monitor(taken, name, now, _said(taken.config, name, definition), _given(monitor))


def _monitor(
    taken: Taken, name: str, now: Mapping[str, Any], said: Mapping[str, Any], given: Collection[str]
) -> Iterator[_Row]:
    for key, value in now.items():
        keys = ("monitors", name, key)
        if key not in said or said[key] != value:
            yield keys, value, LIVE
        else:
            yield keys, value, _place(taken.draft, keys) if key in given else DEFAULT


def _said(config: InstrumentationConfig, name: str, definition: MonitorDefinition) -> dict[str, Any]:
    """Return what the file makes of a monitor; nothing for one that was added while the program runs."""
    monitor = config.monitors.get(name)
    if definition.kind != "custom":
        return attributes_of(monitor, definition)
    if monitor is None:
        return {}
    own = definition_of(name, config)
    return {**attributes_of(monitor, own), **defining_of(own)}


def _given(monitor: MonitorConfig | None) -> Collection[str]:
    return monitor.model_fields_set if monitor is not None else ()


def _place(draft: Draft, keys: tuple[str, ...]) -> str:
    return f"{draft.path.name}:{line_of(draft.text, keys)}"
