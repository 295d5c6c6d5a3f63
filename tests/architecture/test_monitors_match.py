"""Every shipped monitor and pointcut matches a joinpoint, so that a rename breaks the build and not the operator."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors import database, encoding
from weaver.config import load_instrumentation
from weaver.dye import FLAGS
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.pointcut.match import match, needs
from weaver.pointcut.nodes import Or
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.scan import scan_module
from weaver.shadow import Shadow

SHIPPED = Path(__file__).parents[2] / "instrumentation.toml"
CONFIG = load_instrumentation(SHIPPED)


def modules() -> Iterator[str]:
    """Yield the modules that the shipped file has looked at."""
    for prefix in CONFIG.weaving.prefixes:
        package = importlib.import_module(prefix)
        yield prefix
        for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{prefix}."):
            if not any(f"{found.name}.".startswith(f"{out}.") for out in CONFIG.weaving.exclude):
                yield found.name


@pytest.fixture(scope="module")
def shadows() -> list[Shadow]:
    return [shadow for name in modules() for shadow in scan_module(importlib.import_module(name))]


@pytest.fixture(scope="module")
def registry() -> Registry:
    found = Registry(EventBuffer())
    Plugins(found).load(CONFIG.weaver.plugins)
    for name in modules():
        found.on_module(importlib.import_module(name))
    return found


APPLICATIONS_OWN = frozenset(
    family.name.replace("*", location)
    for family in (*database.FAMILIES, *encoding.FAMILIES)
    if family.name in {"Database_*_CommitRollback", "Database_*_Statement", "Database_*_Execute", "Template_*_Render"}
    for location in ("Before", "After", "Around")
)
"""Monitors for what no shipped application does: ``tests/monitors/test_families.py`` sees them match and fire."""


def test_every_monitor_of_the_library_matches(registry: Registry) -> None:
    assert len(registry.names()) >= 70
    assert {status["name"] for status in registry.list() if not status["joinpoints"]} == APPLICATIONS_OWN


def test_every_part_of_a_pointcut_that_names_functions_matches(registry: Registry, shadows: list[Shadow]) -> None:
    pointcuts = {parse_pointcut(status["pointcut"]) for status in registry.list()}
    parts = {part for one in pointcuts for part in (one.operands if isinstance(one, Or) else (one,))}
    named = [part for part in parts if needs(part) == {"execution"}]

    assert len(named) > 20
    assert [str(part) for part in named if not any(match(part, shadow).matched for shadow in shadows)] == []


def test_every_name_in_the_shipped_file_exists(registry: Registry) -> None:
    assert load_instrumentation(SHIPPED, registry.names(), FLAGS) == CONFIG


def test_every_monitor_of_the_library_stands_in_the_shipped_file(registry: Registry) -> None:
    assert set(registry.names()) == {name for name, monitor in CONFIG.monitors.items() if monitor.kind is None}


def expressions() -> list[str]:
    """Return every pointcut of the shipped file, those in comments too."""
    return re.findall(r'^(?:#\s+)?pointcut = "(.*?)"', SHIPPED.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("expression", [*expressions(), *CONFIG.pointcuts.values()])
def test_pointcut_of_the_shipped_file_matches(expression: str, shadows: list[Shadow]) -> None:
    pointcut = parse_pointcut(expression)

    assert any(match(pointcut, shadow).matched for shadow in shadows)


def test_patterns_of_classes_in_the_shipped_file_name_something(registry: Registry) -> None:
    known = set(modules())

    named = re.findall(r'(?:includes|excludes) = \["([\w.]+)"\]', SHIPPED.read_text(encoding="utf-8"))

    assert named
    assert set(named) <= known


def test_custom_monitors_of_the_shipped_file_are_walked() -> None:
    custom = [monitor.pointcut for monitor in CONFIG.monitors.values() if monitor.kind == "custom"]

    assert custom
    assert set(custom) <= set(expressions())
