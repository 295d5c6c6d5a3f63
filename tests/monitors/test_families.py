"""Families whose joinpoints are calls: each of their monitors fires in a module that does what an application does."""

import importlib
from collections.abc import Iterator
from types import ModuleType

import pytest

from monitors.family import LOCATIONS, Family
from tests.monitors import sample_application
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.registry import Registry

MODULES = (
    "monitors.actions", "monitors.database", "monitors.log_record", "monitors.name_lookup", "monitors.greenlet_switch",
    "monitors.encoding",
)  # fmt: skip
PASSING = {
    "Database_*_GetConnection": ("get_connection", 1),
    "Database_*_CloseConnection": ("close_connection", 1),
    "Database_*_CommitRollback": ("commit_and_roll_back", 2),
    "Database_*_Statement": ("make_statement", 1),
    "Database_*_Execute": ("execute", 3),
    "Logging_*_Record": ("write_to_log", 1),
    "Dns_*_Lookup": ("look_up", 1),
    "Greenlet_*_Switch": ("switch", 2),
    "Template_*_Render": ("render", 1),
    "Json_*_Encode": ("encode_and_decode", 1),
    "Json_*_Decode": ("encode_and_decode", 1),
}
"""Family -> the function that passes it, and how often."""


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    found = Registry(EventBuffer(500))
    Plugins(found).load(MODULES)
    found.on_module(sample_application)
    yield found
    for name in found.names():
        found.set(name, enabled=False)


@pytest.mark.parametrize("location", ["Before", "After", "Around"])
@pytest.mark.parametrize("family", PASSING)
def test_monitor_fires_where_an_application_passes(registry: Registry, family: str, location: str) -> None:
    function, times = PASSING[family]
    name = family.replace("*", location)
    action = "TraceElapsedTimeAction" if location == "Around" else "TraceAction"

    registry.set(name, enabled=True, actions=[action])
    getattr(sample_application, function)()
    status = registry.set(name, enabled=False)

    counters = registry.get(name)["counters"]
    assert counters["fired"] == times
    assert counters["errors"] == 0
    assert counters["emitted"] == times * (2 if location == "Around" else 1)
    assert status["failures"] == []


def families() -> list[Family]:
    modules: list[ModuleType] = [importlib.import_module(name) for name in MODULES]
    return [family for module in modules for family in getattr(module, "FAMILIES", ())]


def test_every_family_of_calls_is_passed_here() -> None:
    of_calls = {family.name for family in families() if not family.pointcut.startswith("execution")}

    assert of_calls == set(PASSING)


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_family_is_three_monitors_with_one_pointcut(family: Family) -> None:
    before, after, around = family.monitors()

    assert [one.location for one in (before, after, around)] == list(LOCATIONS)
    assert [one.name for one in (before, after, around)] == [
        family.name.replace("*", word) for word in ("Before", "After", "Around")
    ]
    assert before.pointcut == after.pointcut == around.pointcut
    assert (before.action_kind, after.action_kind, around.action_kind) == ("stateless", "stateless", "around")
    assert around.description == f"Acts before and after {family.what}."
