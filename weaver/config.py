"""``instrumentation.toml`` to an ``InstrumentationConfig``; every fault at once, each with file, line and key."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tomlkit.exceptions import ParseError

from weaver.errors import InstrumentationConfigError, PointcutSyntaxError
from weaver.pointcut.parser import parse_pointcut


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TargetConfig(_Section):
    """What is run under the weaver."""

    module: str = Field("server", description="package whose __main__.main(arguments) is run")


class WeavingConfig(_Section):
    """Which modules are looked at."""

    prefixes: list[str] = Field(default_factory=list, description="modules and packages that may be woven")
    exclude: list[str] = Field(default_factory=list, description="those below them that are never woven")


class WeaverConfig(_Section):
    """The weaver itself."""

    plugins: list[str] = Field(default_factory=list, description="plugin modules, in the order they register")


class EventsConfig(_Section):
    """Where events go."""

    ring: int = Field(10_000, ge=1, le=1_000_000, description="events kept in memory")
    json_lines: str | None = Field(None, description="file that gets every event as a line of JSON")


class MonitorConfig(_Section):
    """One monitor."""

    enabled: bool = False
    dye_mask: list[str] = Field(default_factory=list)
    dye_filtering: bool = True
    actions: list[str] | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    description: str = ""
    kind: Literal["custom"] | None = None
    scope: Literal["server", "application"] = "application"
    location: Literal["before", "after", "around"] = "before"
    pointcut: str | None = None


class InstrumentationConfig(_Section):
    """The whole file."""

    target: TargetConfig = TargetConfig(module="server")
    weaving: WeavingConfig = WeavingConfig()
    weaver: WeaverConfig = WeaverConfig()
    events: EventsConfig = EventsConfig(ring=10_000, json_lines=None)
    monitors: dict[str, MonitorConfig] = Field(default_factory=dict)


def load_instrumentation(path: Path) -> InstrumentationConfig:
    """Read the file.

    Errors: InstrumentationConfigError with every fault: ``file:line: key.path: reason`` and the line itself.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomlkit.parse(text).unwrap()
    except (OSError, UnicodeDecodeError) as error:
        raise InstrumentationConfigError([f"{path}: cannot be read: {error}"]) from error
    except ParseError as error:
        raise InstrumentationConfigError([f"{path}:{error.line}: is not TOML: {error}"]) from error
    faults: list[str] = []
    config: InstrumentationConfig | None = None
    try:
        config = InstrumentationConfig.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            keys = [str(key) for key in fault["loc"]]
            faults.append(fault_at(path, text, keys, _words(fault["type"], fault["msg"], keys)))
    for name, monitor in _tables(values.get("monitors")):
        faults += _custom_faults(path, text, name, monitor)
    if faults or config is None:
        raise InstrumentationConfigError(faults)
    return config


def fault_at(path: Path, text: str, keys: list[str], reason: str) -> str:
    """Return a fault with its line, found by its keys."""
    line = line_of(text, keys)
    return f"{path}:{line}: {'.'.join(keys)}: {reason}\n    {text.splitlines()[line - 1].strip()}"


def line_of(text: str, keys: list[str]) -> int:
    """Return the line where a key stands, or the nearest table around it.

    Units: lines count from 1.
    """
    best, best_depth = 1, 0
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[]").replace('"', "").split(".")
            here = table
        elif "=" in stripped and not stripped.startswith("#"):
            here = [*table, *stripped.split("=")[0].strip().replace('"', "").split(".")]
        else:
            continue
        if keys[: len(here)] == here and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best


def _words(kind: str, message: str, keys: list[str]) -> str:
    if kind != "extra_forbidden":
        return message[:1].lower() + message[1:]
    models: dict[int, type[BaseModel]] = {1: InstrumentationConfig}
    model = models.get(len(keys))
    if model is None:
        model = MonitorConfig if keys[0] == "monitors" else _section_model(keys[0])
    near = difflib.get_close_matches(keys[-1], model.model_fields, 1)
    return "unknown key" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(model.model_fields)}")


def _section_model(name: str) -> type[BaseModel]:
    found = InstrumentationConfig.model_fields[name].annotation
    return found if isinstance(found, type) and issubclass(found, BaseModel) else InstrumentationConfig


def _tables(value: object) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(value, dict):
        return []
    return [(name, table) for name, table in value.items() if isinstance(table, dict)]


def _custom_faults(path: Path, text: str, name: str, monitor: dict[str, Any]) -> list[str]:
    custom = monitor.get("kind") == "custom"
    pointcut = monitor.get("pointcut")
    if custom and pointcut is None:
        return [fault_at(path, text, ["monitors", name, "pointcut"], "a custom monitor needs a pointcut")]
    if not custom and pointcut is not None:
        reason = 'only a custom monitor has a pointcut of its own; add kind = "custom" or leave it out'
        return [fault_at(path, text, ["monitors", name, "pointcut"], reason)]
    if isinstance(pointcut, str):
        try:
            parse_pointcut(pointcut)
        except PointcutSyntaxError as error:
            return [fault_at(path, text, ["monitors", name, "pointcut"], str(error))]
    return []
