"""``weaver monitor`` against a server in this process."""

from typing import Any

import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from weaver.management import socket as admin_socket
from weaver.management.roles import Role

NAME = "Before_Send"


@pytest.fixture(autouse=True)
def server(open_socket: OpenSocket) -> None:
    open_socket()


def status(run: Run) -> Any:
    return run("monitor", "show", NAME, "--json").json


def test_ls_shows_state_mask_and_counts(run: Run) -> None:
    run("monitor", "set", NAME, "--mask", "SIP_REQ,ADDR1", "--no-filtering", "--on")

    head, first, second = run("monitor", "ls").out.splitlines()

    assert head.split() == ["NAME", "STATE", "MASK", "POINTS", "FIRED", "ERRORS", "ACTIONS"]
    assert first.split() == [NAME, "on", "(SIP_REQ,ADDR1)", "1", "3", "0", "TraceAction"]
    assert second.split() == ["Before_Service", "off", "-", "1", "3", "0", "TraceAction"]


def test_ls_on_a_terminal_has_a_row_a_monitor(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    out = run("--color", "always", "monitor", "ls").out

    assert "\x1b[" in out
    assert sum("Before_" in line for line in out.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments", [["monitor", "ls", "--json"], ["--json", "monitor", "ls"], ["monitor", "--json", "ls"]]
)
def test_json_may_stand_anywhere(run: Run, arguments: list[str]) -> None:
    assert [found["name"] for found in run(*arguments).json["monitors"]] == [NAME, "Before_Service"]


def test_show_has_a_line_an_attribute(run: Run) -> None:
    lines = run("monitor", "show", NAME).out.splitlines()

    assert "enabled: no" in lines
    assert "properties: show=caller" in lines
    assert lines[lines.index("joinpoints: 1") + 1] == "  server.engine.outbound:send_outbound"


def test_on_and_off_switch_several(run: Run) -> None:
    assert run("monitor", "on", NAME, "Before_Service").out == (
        "Before_Send is on, 1 joinpoints\nBefore_Service is on, 1 joinpoints\n"
    )
    assert status(run)["enabled"] is True
    assert [found["enabled"] for found in run("monitor", "off", NAME, "--json").json["monitors"]] == [False]


def test_set_changes_what_is_given_and_shows_old_and_new(run: Run) -> None:
    result = run("monitor", "set", NAME, "--mask", "SIP_REQ", "--actions", "A, B", "--reason", "ticket 1")

    assert result.out == ("Before_Send is off\ndye_mask: - -> SIP_REQ\nactions: TraceAction -> A, B\n")
    assert (status(run)["dye_mask"], status(run)["actions"]) == (["SIP_REQ"], ["A", "B"])


def test_empty_mask_takes_it_away(run: Run) -> None:
    run("monitor", "set", NAME, "--mask", "SIP_REQ")

    assert run("--json", "monitor", "set", NAME, "--mask", "").json["dye_mask"] == []


def test_properties_are_added_to_those_there_are_and_keep_their_type(run: Run) -> None:
    run("monitor", "set", NAME, "--property", "show=5", "--property", "rate=5", "--property", "expression=[a]=.*")
    run("monitor", "set", NAME, "--property", "deep=true", "--property", "list=[1]")

    assert status(run)["properties"] == {
        "show": "5", "rate": 5, "expression": "[a]=.*", "deep": True, "list": "[1]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set", NAME], "nothing to set"),
        (["set", NAME, "--property", "novalue"], "'novalue' is not KEY=VALUE"),
        (["set", NAME, "--mask", "SIP_RQ"], "did you mean 'SIP_REQ'?"),
        (["on", "Before_Sned"], "there is no monitor 'Before_Sned'; did you mean Before_Send"),
        (["show", "x"], "there is no monitor 'x'\n  monitor.list has the names"),
    ],
)
def test_mistakes_end_with_2_and_are_explained(run: Run, arguments: list[str], words: str) -> None:
    result = run("monitor", *arguments)

    assert (result.code, result.out) == (2, "")
    assert words in result.err


def test_fault_of_the_server_ends_with_1(run: Run) -> None:
    result = run("monitor", "set", NAME, "--actions", "Broken")

    assert (result.code, result.err.splitlines()[0]) == (1, "weaver: monitor.set failed: ZeroDivisionError")


def test_refusal_ends_with_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_socket, "role_of", lambda *_: Role.VIEWER)

    result = run("monitor", "off", NAME)

    assert (result.code, result.err) == (4, "weaver: monitor.set needs the role operator; yours is viewer\n")
    assert run("monitor", "show", NAME).code == 0
