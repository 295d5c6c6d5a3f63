"""``instrumentation.toml`` to an ``InstrumentationConfig``; every fault at once, each with file, line and key.

It imports no plugin: whoever has loaded them passes the names of monitors and dye flags, and these are checked too.
The description of a setting that is a number begins with its unit and a colon.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from weaver.config_events import EventsConfig
from weaver.config_faults import (
    MODULE_NAME,
    Fault,
    fault_at,
    fault_of,
    monitor_faults,
    pointcut_faults,
    read_pointcut,
    watch_faults,
)
from weaver.config_section import Section, Text
from weaver.dye_names import MAX_WIDTH, WIDTH
from weaver.errors import InstrumentationConfigError
from weaver.notices import Severity
from weaver.pointcut.nodes import Pointcut
from weaver.redaction import Bounds, Mode
from weaver.toml_lines import line_of
from weaver.watch import Alarm, Watch, make_watch

__all__ = [
    "AdminConfig",
    "Draft",
    "DyeRuleConfig",
    "DyesConfig",
    "EventsConfig",
    "InstrumentationConfig",
    "LoggingConfig",
    "MonitorConfig",
    "RedactionConfig",
    "TargetConfig",
    "WeaverConfig",
    "WeavingConfig",
    "fault_at",
    "line_of",
    "load_instrumentation",
    "read_draft",
]

MAX_CHARACTERS = 1 << 20
"""What of a file is read at most: all else of the process waits for that long."""

ModuleName = Annotated[str, StringConstraints(pattern=MODULE_NAME)]


class TargetConfig(Section):
    """What is run under the weaver."""

    module: ModuleName = Field(default="server", description="package whose `__main__.main(arguments)` is run")


class WeavingConfig(Section):
    """Which modules are looked at, and how they are left."""

    prefixes: list[ModuleName] = Field(default=[], description="modules and packages that may be woven")
    exclude: list[ModuleName] = Field(default=[], description="those below them that are never woven")
    restore_function_version: bool = Field(
        default=False,
        description="CPython 3.13: whether a function is called as fast as before while it is woven, and afterwards",
    )


class WeaverConfig(Section):
    """The weaver itself."""

    plugins: list[ModuleName] = Field(default=[], description="plugin modules, in the order they register")
    reload_interval: float = Field(
        default=1.0,
        ge=0.0,
        le=3600.0,
        description="seconds: between two looks at this file, which is taken when it has changed; 0: never",
    )


class AdminConfig(Section):
    """The admin socket."""

    socket: Text | None = Field(default=None, description="its path; `--admin-socket` wins; unset: one of this process")


class RedactionConfig(Section):
    """What no event shows."""

    names: list[Text] = Field(
        default=[], description="names, case ignored, whose values are always hidden, as those of passwords and cookies"
    )
    mode: Mode = Field(default="mask", description="`mask`, `hash` (equal values can be told) or `drop`")
    key: Text | None = Field(default=None, description="what hashes are made with; unset: another one after each start")


class LoggingConfig(Section):
    """What the program's `logging` knows of messages."""

    dyed_debug: list[Text] = Field(
        default=[], description="a dye mask: DEBUG is logged only for messages that have it; empty: as ever"
    )


class DyeRuleConfig(Section):
    """One rule: `[[dyes.rules]]`."""

    kind: Text = Field(description="what it looks at: `caller`, `callee`, `call-id`, `uri`, `header`, `address` ...")
    value: Text = Field(description="what it looks for there")
    name: Text = Field(description="the dye that it sets: capitals, digits and `_`; rules may share one")
    ttl: float | None = Field(default=None, ge=1, description="seconds: after which it ends; unset: it stays")
    hits: int | None = Field(default=None, ge=1, description="messages: after which it ends; unset: it stays")
    reason: str = Field(default="", description="one line for people")


class DyesConfig(Section):
    """Dyes beside the flags."""

    width: int = Field(
        default=WIDTH, ge=WIDTH, le=MAX_WIDTH, description="dyes: how many there may be, the flags among them"
    )
    rules: list[DyeRuleConfig] = Field(default=[], description="whose messages get which named dye")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Mask = Annotated[list[Text], BeforeValidator(_listed, json_schema_input_type=list[Text] | Text)]
"""Names and expressions that must all hold; one may stand by itself."""


class MonitorConfig(Section):
    """One monitor: `[monitors.NAME]`."""

    enabled: bool = Field(default=False, description="whether it is on from the start")
    dye_mask: Mask = Field(
        default=[], description="dyes that a message must have, all of them, or an expression with `and`, `or`, `not`"
    )
    dye_filtering: bool = Field(default=True, description="whether the mask counts")
    actions: list[Text] | None = Field(default=None, description="what it does; unset: what the monitor does by itself")
    properties: dict[str, Any] = Field(default={}, description="values for the monitor's actions")
    includes: list[Text] = Field(default=[], description="patterns of `module.Class` that it is for; empty: all")
    excludes: list[Text] = Field(default=[], description="patterns of `module.Class` that it is not for")
    limits: dict[str, int] = Field(
        default={}, description="what it may use: `rate`, `flood`, `time_ms`, `errors`, `hang_ms`"
    )
    description: str = Field(default="", description="one line for people")
    kind: Literal["custom"] | None = Field(default=None, description="`custom` for a monitor of your own")
    scope: Literal["server", "application"] = Field(
        default="application", description="custom: `server` is woven at build, `application` at load"
    )
    location: Literal["before", "after", "around"] = Field(default="before", description="custom: when it acts")
    pointcut: Text | None = Field(default=None, description="custom: where it acts")


class WatchConfig(Section):
    """One watch: `[watches.NAME]`."""

    when: Text = Field(
        default="",
        description="condition: `status >= 500`, `elapsed > 200ms`, `rate(MONITOR) > 10/s`, or a query over events",
    )
    actions: list[Text] = Field(
        default=["notify"],
        description="done then: `log`, `notify`, `dye` (the caller, with `WATCH_NAME`), `look_back` (keep the call)",
    )
    severity: Severity = Field(default="warning", description="`info`, `warning` or `error`")
    alarm: Alarm = Field(
        default="automatic", description="whether it is silent once it has fired: `none`, `manual` or `automatic`"
    )
    reset: float = Field(default=60.0, ge=0.0, le=86_400.0, description="seconds: for which it is silent then")
    dye: float = Field(default=600.0, ge=1.0, le=86_400.0, description="seconds: for which `dye` dyes the caller")
    enabled: bool = Field(default=True, description="whether it is on from the start")
    description: str = Field(default="", description="one line for people")


class InstrumentationConfig(Section):
    """The whole file."""

    target: TargetConfig = Field(default=TargetConfig(module="server"), description="what is run under the weaver")
    weaving: WeavingConfig = Field(default=WeavingConfig(), description="which modules are looked at")
    weaver: WeaverConfig = Field(default=WeaverConfig(), description="the weaver itself")
    events: EventsConfig = Field(default=EventsConfig(), description="where events go")
    admin: AdminConfig = Field(default=AdminConfig(), description="the admin socket")
    redaction: RedactionConfig = Field(default=RedactionConfig(), description="what no event shows")
    monitors: dict[str, MonitorConfig] = Field(default={}, description="monitors by name")
    pointcuts: dict[str, Text] = Field(default={}, description="a pointcut that others use as `NAME()`")
    watches: dict[str, WatchConfig] = Field(default={}, description="watches by name")
    logging: LoggingConfig = Field(default=LoggingConfig(), description="what `logging` knows of messages")
    dyes: DyesConfig = Field(default=DyesConfig(), description="dyes beside the flags")

    def redaction_of(self) -> tuple[list[str], Mode, str, Bounds]:
        """Return the arguments of ``redaction.hide``."""
        redaction, events = self.redaction, self.events
        bounds = Bounds(events.text_length, events.items, events.depth, events.size)
        return redaction.names, redaction.mode, redaction.key or "", bounds

    def all_watches(self) -> list[Watch]:
        """Return the watches of the file."""
        return [make_watch(name, one.model_dump()) for name, one in self.watches.items()]

    def pointcut_of(self, monitor: MonitorConfig) -> Pointcut:
        """Return the pointcut of a custom monitor.

        Errors: PointcutSyntaxError, for what was not read by ``load_instrumentation``.
        """
        return read_pointcut(monitor.pointcut or "", frozenset(self.pointcuts.items()))


TABLES: dict[str, type[BaseModel]] = {"monitors": MonitorConfig, "watches": WatchConfig}
"""The model of what lies in a table whose keys are free."""

ARRAYS = {("dyes", "rules"): DyeRuleConfig}
"""The model of each table of an array."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file as far as it can be judged by itself; ``config`` is None when a value cannot be what it is."""

    path: Path
    text: str
    values: dict[str, Any]
    config: InstrumentationConfig | None
    faults: tuple[Fault, ...]

    def checked(self, more: Iterable[Fault] = ()) -> InstrumentationConfig:
        """Return the configuration, unless there are faults: its own, and ``more`` that others have found.

        Errors: InstrumentationConfigError with every fault once, in the order of the file: ``file:line: key.path:
        reason``, then the line itself and, for a pointcut, a caret.
        """
        faults = sorted(dict.fromkeys((*self.faults, *more)), key=lambda fault: line_of(self.text, fault.keys))
        if faults or self.config is None:
            told = [fault_at(self.path, self.text, one.keys, one.reason, one.pointcut) for one in faults]
            raise InstrumentationConfigError(told)
        return self.config


def load_instrumentation(
    path: Path, monitors: Collection[str] | None = None, flags: Collection[str] | None = None
) -> InstrumentationConfig:
    """Read the file; with the names of the library's monitors and of the dye flags, check those it uses.

    Errors: InstrumentationConfigError, as ``Draft.checked``.
    """
    draft = read_draft(path)
    return draft.checked(monitor_faults(draft.values, monitors, flags))


def read_draft(path: Path, text: str | None = None) -> Draft:
    """Read the file, or a text that may become its content.

    Errors: InstrumentationConfigError when it cannot be read or is not TOML.
    """
    try:
        text = _text_of(path) if text is None else text
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InstrumentationConfigError([_not_toml(path, text or "", error)]) from error
    except RecursionError as error:
        raise InstrumentationConfigError([f"{path}: tables or lists stand too deep in each other"]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InstrumentationConfigError([f"{path}: cannot be read: {error}"]) from error
    faults: list[Fault] = []
    config = None
    try:
        config = InstrumentationConfig.model_validate(values)
    except ValidationError as error:
        faults += [fault_of(fault, _known) for fault in error.errors()]
    faults += pointcut_faults(values) + watch_faults(values)
    return Draft(path, text, values, config, tuple(faults))


def _text_of(path: Path) -> str:
    """Return the content of the file, or of the part that is looked at.

    Errors: OSError, also for a file that is too large; UnicodeDecodeError.
    """
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_CHARACTERS + 1)
    if len(text) > MAX_CHARACTERS:
        raise OSError(f"it has more than {MAX_CHARACTERS} characters")
    return text


def _known(place: tuple[int | str, ...]) -> list[str]:
    """Return the keys that may stand beside the last one of a place."""
    section: type[BaseModel] = InstrumentationConfig
    if place[:2] in ARRAYS and len(place) > 3:
        section = ARRAYS[str(place[0]), str(place[1])]
    elif len(place) > 1 and place[0] in TABLES:
        section = TABLES[str(place[0])]
    elif len(place) > 1:
        for name in place[:-1]:
            section = type(section.model_fields[str(name)].default)
    return list(section.model_fields)


def _not_toml(path: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)\Z", str(error))
    line = found[1] if found and found[1] else max(1, len(text.splitlines()))
    return f"{path}:{line}: is not TOML: {error}"
