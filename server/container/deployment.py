"""Loads applications: the package that the command line names, and the ``app.toml`` in it.

Shape of ``app.toml``::

    [application]            name, description
    [[sip]]                  servlet = "package.module:Class", methods = ["INVITE", ...]   (initial requests; "*")
    [[http]]                 servlet = "package.module:Class", path = "/"
    [settings]               whatever the application wants; [apps.NAME] of the server's configuration lies over it
"""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from server.errors import ConfigError
from server.servlet.context import ServletContext
from server.servlet.http_servlet import HttpServlet
from server.servlet.sip_servlet import METHODS, SipServlet

T = TypeVar("T")

ANY = "*"
"""In place of a method: whatever no other servlet of the application serves, methods that nobody knows included."""

KNOWN = {
    "application": {"name", "description"},
    "sip": {"servlet", "methods"},
    "http": {"servlet", "path"},
    "settings": None,
}


@dataclass(frozen=True, slots=True)
class Application:
    """A deployed application.

    Shape: ``sip_mapping`` maps the method of an initial request to the name of its servlet, ``http_servlets`` a path.
    """

    name: str
    sip_servlets: Mapping[str, SipServlet]
    sip_mapping: Mapping[str, str]
    http_servlets: Mapping[str, HttpServlet]


ContextMaker = Callable[[str, Mapping[str, Any]], ServletContext]


def deploy(
    names: Sequence[str], overrides: Mapping[str, Mapping[str, Any]], context: ContextMaker
) -> list[Application]:
    """Load applications in order.

    Errors: ConfigError with every fault of every application.
    """
    faults: list[str] = []
    applications: list[Application] = []
    for name in names:
        try:
            applications.append(_deploy(name, overrides, context))
        except ConfigError as error:
            faults += error.faults
    seen: set[str] = set()
    for application in applications:
        if application.name in seen:
            faults.append(f"{application.name}: two applications have this name")
        seen.add(application.name)
    faults += [
        f"[apps.{name}]: no such application was started" for name in overrides if name not in seen and not faults
    ]
    if faults:
        raise ConfigError(faults)
    return applications


def _deploy(package: str, overrides: Mapping[str, Mapping[str, Any]], context: ContextMaker) -> Application:
    path = _descriptor(package)
    try:
        descriptor = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from error
    faults = _faults(path, descriptor)
    if faults:
        raise ConfigError(faults)
    name = descriptor.get("application", {}).get("name", package.rpartition(".")[2])
    settings = {**descriptor.get("settings", {}), **overrides.get(name, {})}
    unknown = set(overrides.get(name, {})) - set(descriptor.get("settings", {}))
    if unknown:
        raise ConfigError([f"apps.{name}.{key}: {name} has no such setting" for key in sorted(unknown)])
    services = context(name, settings)
    sip_servlets: dict[str, SipServlet] = {}
    mapping: dict[str, str] = {}
    for entry in descriptor.get("sip", []):
        sip_servlets[entry["servlet"]] = _load(path, entry["servlet"], SipServlet)(services)
        mapping.update({method: entry["servlet"] for method in entry["methods"] if method not in mapping})
    http_servlets = {
        entry["path"]: _load(path, entry["servlet"], HttpServlet)(services) for entry in descriptor.get("http", [])
    }
    return Application(name, sip_servlets, mapping, http_servlets)


def _descriptor(package: str) -> Path:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError) as error:
        raise ConfigError([f"{package}: cannot be imported: {error}"]) from error
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError([f"{package}: no such package; name one that has an app.toml, such as apps.click2call"])
    return Path(spec.submodule_search_locations[0]) / "app.toml"


def _faults(path: Path, descriptor: Mapping[str, Any]) -> list[str]:
    faults = []
    for section, content in descriptor.items():
        if section not in KNOWN:
            faults.append(f"{path}: {section}: unknown section; known: {', '.join(KNOWN)}")
            continue
        keys = KNOWN[section]
        for entry in content if isinstance(content, list) else [content]:
            if not isinstance(entry, dict):
                faults.append(f"{path}: {section}: must be a table")
            elif keys is not None:
                faults += [f"{path}: {section}.{key}: unknown key" for key in entry if key not in keys]
                if section != "application":
                    faults += [f"{path}: {section}.{key}: is missing" for key in sorted(keys - set(entry))]
                faults += [
                    f"{path}: sip.methods: {method} is no method that a servlet can serve"
                    for method in entry.get("methods", [])
                    if method not in METHODS and method != ANY
                ]
    return faults


def _load(path: Path, name: str, base: type[T]) -> type[T]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError([f"{path}: {name}: cannot be loaded: {error}"]) from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ConfigError([f"{path}: {name}: is no {base.__name__}"])
    return found
