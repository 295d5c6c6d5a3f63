"""What the code says of itself: settings, library, admin methods, commands, errors, public names."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click
from pydantic import BaseModel

from weaver.cli.main import cli
from weaver.config import ARRAYS, InstrumentationConfig, MonitorConfig, WatchConfig, load_instrumentation
from weaver.dye import BITS
from weaver.event import EventBuffer
from weaver.management import rpc
from weaver.management.config_methods import config_methods
from weaver.management.dye_methods import dye_methods
from weaver.management.look_back_methods import look_back_methods
from weaver.management.methods import standard_methods
from weaver.management.notice_methods import notice_methods
from weaver.management.roles import Role
from weaver.management.session import ClientSession, Limits
from weaver.management.watch_methods import watch_methods
from weaver.monitor import Action, MonitorDefinition
from weaver.plugins import DyeFlag, Plugins
from weaver.registry import Registry
from weaver.reload import Reload
from weaver.watches import Watches

ROOT = Path(__file__).parent.parent
PACKAGES = ("weaver", "server", "monitors", "apps")


class Setting(NamedTuple):
    """One setting of a file."""

    key: str
    default: object
    text: str

    @property
    def unit(self) -> str:
        """What a number counts; the text of such a setting begins with it."""
        is_number = isinstance(self.default, int | float) and not isinstance(self.default, bool)
        return self.text.partition(": ")[0] if is_number and ": " in self.text else ""

    @property
    def meaning(self) -> str:
        """The text without the unit."""
        return self.text.removeprefix(f"{self.unit}: ") if self.unit else self.text


class Library(Plugins):
    """Keeps what the plugins of the shipped ``instrumentation.toml`` contribute."""

    def __init__(self) -> None:
        super().__init__(Registry(EventBuffer(1)))
        self.actions: list[Action] = []
        self.monitors: list[MonitorDefinition] = []
        self.load(load_instrumentation(ROOT / "instrumentation.toml").weaver.plugins)

    def action(self, action: Action) -> None:
        """Keep an action."""
        super().action(action)
        self.actions.append(action)

    def monitor(self, definition: MonitorDefinition) -> None:
        """Keep a monitor."""
        super().monitor(definition)
        self.monitors.append(definition)

    def flags(self) -> dict[str, DyeFlag | None]:
        """Return every dye flag with what tests it, None where nothing does."""
        return {name: self.dye_flags.get(name) for name in BITS}


def toml_settings(path: Path) -> list[Setting]:
    """Return the settings of a TOML file with the comment behind each."""
    text = path.read_text(encoding="utf-8")
    values, section, found = tomllib.loads(text), "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif setting := re.match(r"(\w+) = .*?(?:\s# (.*))?\Z", line):
            if isinstance(values[section], dict):
                found.append(Setting(f"{section}.{setting[1]}", values[section][setting[1]], setting[2] or ""))
    return found


def instrumentation_settings() -> list[Setting]:
    """Return the settings of ``instrumentation.toml``."""
    found: list[Setting] = []
    for section, field in InstrumentationConfig.model_fields.items():
        models = {"monitors": ("monitors.NAME", MonitorConfig), "watches": ("watches.NAME", WatchConfig)}
        prefix, model = models.get(section, (section, type(field.default)))
        if issubclass(model, BaseModel):
            found += _section_settings(prefix, model)
        else:
            found.append(Setting(f"{section}.NAME", None, field.description or ""))
    for path, table in ARRAYS.items():
        key = f"{'.'.join(path)}[]"
        found += [
            Setting(f"{key}.{name}", None if field.is_required() else field.default, field.description or "")
            for name, field in table.model_fields.items()
        ]
    return found


def action_properties(action: Action) -> list[Setting]:
    """Return the properties of an action."""
    model = getattr(action, "Properties", None)
    fields = {} if model is None else model.model_fields
    defaults = {key: one.default for key, one in fields.items()}
    plain = {key: sorted(one) if isinstance(one, frozenset) else one for key, one in defaults.items()}
    return [Setting(key, plain[key], field.description or "") for key, field in fields.items()]


def _section_settings(prefix: str, model: type[BaseModel]) -> Iterator[Setting]:
    """Yield the settings of a section, then those of the sections in it."""
    below = {key: type(one.default) for key, one in model.model_fields.items() if isinstance(one.default, BaseModel)}
    for key, field in model.model_fields.items():
        if key not in below:
            yield Setting(f"{prefix}.{key}", field.default, field.description or "")
    for key, section in below.items():
        yield from _section_settings(f"{prefix}.{key}", section)


def app_settings() -> dict[str, list[Setting]]:
    """Return the settings of each application."""
    return {
        path.parent.name: [setting for setting in toml_settings(path) if setting.key.startswith("settings.")]
        for path in sorted(ROOT.glob("apps/*/app.toml"))
    }


def errors() -> list[type[Exception]]:
    """Return the public error classes of all packages."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not re.search(r"__main__|\.testing|\.run\Z|opcodes_", module.name):
                importlib.import_module(module.name)
    found = {kind for kind in _below(Exception) if kind.__module__.partition(".")[0] in PACKAGES}
    return sorted(
        (kind for kind in found if kind.__name__[0] != "_"), key=lambda kind: (kind.__module__, kind.__name__)
    )


def methods() -> list[dict[str, object]]:
    """Return what ``rpc.discover`` of an admin socket answers."""
    buffer = EventBuffer(1)
    library = Library()
    reload = Reload(ROOT / "instrumentation.toml", library.registry, (), {})
    notices = library.registry.notices
    table = {
        **standard_methods(library.registry, buffer),
        **dye_methods(library.registry.rules),
        **config_methods(reload, list),
        **notice_methods(notices),
        **look_back_methods(library.look_back),
        **watch_methods(Watches(notices, {}, library.registry.counters)),
        **library.methods,
    }
    caller = rpc.Caller(Role.ADMIN, 0, 0)
    session = ClientSession(table, buffer, caller, b"", lambda: None, 0.0, Limits(), notices)
    session.feed(b'{"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"}\n', 0.0)
    session.step(0.0)
    found: list[dict[str, object]] = json.loads(session.output)["result"]["methods"]
    return found


def commands(command: click.Command = cli, path: str = "weaver") -> Iterator[tuple[str, click.Command]]:
    """Yield each command of the client with its words."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")
    else:
        yield path, command


def options(command: click.Command) -> list[click.Option]:
    """Return the options of a command but those that all have."""
    common = {option.name for option in cli.params} | {"help"}
    return [one for one in command.params if isinstance(one, click.Option) and one.name not in common]


def public(module: ModuleType) -> dict[str, str]:
    """Return the names of a module's ``__all__`` with the first line of what is said of each."""
    origin = {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: _said_of(importlib.import_module(origin[name]), name) for name in module.__all__}


def first_line(documented: object) -> str:
    """Return the first line of an own docstring."""
    return inspect.cleandoc(documented.__doc__ or "").partition("\n")[0]


def _said_of(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    if getattr(value, "__module__", "") == module.__name__ and getattr(value, "__name__", "") == name:
        return first_line(value)
    body = ast.parse(inspect.getsource(module)).body
    for node, behind in itertools.pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        is_text = isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant)
        if is_text and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return str(behind.value.value)  # type: ignore[attr-defined]
    return ""


def _below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
