"""``weaver monitor add``, ``rm`` and ``weaver report`` against a registry at work."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from tests.weaver.targets import Recording, make_module, make_registry

F = "execution(* cli_target.f(..))"


@pytest.fixture(autouse=True)
def target(open_socket: OpenSocket) -> Iterator[Any]:
    module: Any = make_module("def f(): return 1\n", "cli_target")
    registry = make_registry(Recording())
    registry.on_module(module)
    open_socket(registry=registry)
    yield module
    sys.modules.pop("cli_target")


def test_monitor_is_added_changed_and_removed(run: Run, target: Any) -> None:
    before = target.f.__code__

    added = run("monitor", "add", "New", F, "--actions", "Recording", "--mask", "ADDR1", "--on")
    woven = target.f.__code__ is not before
    status = run("monitor", "show", "New", "--json").json
    changed = run("monitor", "set", "New", "--pointcut", "cli_target.nothing")
    removed = run("monitor", "rm", "New")

    assert added.out == "New is on, 1 joinpoints\n"
    assert woven
    assert (status["dye_mask"], status["actions"]) == (["ADDR1"], ["Recording"])
    assert f"{F} -> execution(* cli_target.nothing(..))" in changed.out
    assert changed.err == "New: its pointcut matches nothing that is loaded\n"
    assert removed.out == "New is gone\n"
    assert target.f.__code__ is before


def test_monitor_that_is_added_and_matches_nothing_is_told(run: Run) -> None:
    added = run("monitor", "add", "New", "cli_target.nothing", "--on")

    run("monitor", "rm", "New")
    assert added.out == "New is on, 0 joinpoints\n"
    assert added.err == "New: its pointcut matches nothing that is loaded\n"


def test_wrong_pointcut_is_refused_with_its_place(run: Run) -> None:
    result = run("monitor", "add", "New", "execution(")

    assert result.code == 2
    assert "^" in result.err


def test_json_gives_the_status(run: Run) -> None:
    added = run("monitor", "add", "New", F, "--property", "proxy=true", "--json").json
    removed = run("monitor", "rm", "New", "--json").json

    assert added["properties"] == {"proxy": True}
    assert removed["name"] == "New"


def test_report_has_a_row_a_module_and_the_reasons(run: Run, target: Any) -> None:
    run("monitor", "add", "New", "handler(KeyError) or " + F, "--on", "--actions", "Recording")

    head, row = run("report").out.splitlines()
    found = run("report", "--json").json["modules"]

    assert head.split() == ["MODULE", "INSPECTED", "MATCHED", "WOVEN", "ABORTED", "MS"]
    assert row.split()[:5] == ["cli_target", "1", "1", "1", "0"]
    assert found[0]["aborted"] == {}
    run("monitor", "rm", "New")


def test_wrong_property_is_refused_and_a_property_can_be_taken_away(run: Run) -> None:
    run("monitor", "add", "New", F, "--property", "proxy=true")

    refused = run("monitor", "set", "New", "--property", "prxy=true")
    changed = run("monitor", "set", "New", "--unset", "proxy")

    assert refused.code != 0
    assert "did you mean 'proxy'" in refused.err
    assert changed.code == 0
    assert run("monitor", "show", "New", "--json").json["properties"] == {}
    run("monitor", "rm", "New")


def test_library_list_shows_what_each_monitor_may_have(run: Run) -> None:
    run("monitor", "add", "New", F)

    head, row = run("monitor", "ls", "--library").out.splitlines()
    run("monitor", "rm", "New")

    assert head.split() == ["NAME", "SCOPE", "KIND", "LOCATION", "COMPATIBLE", "ACTIONS"]
    assert row.split() == ["New", "application", "custom", "before", "Recording"]
