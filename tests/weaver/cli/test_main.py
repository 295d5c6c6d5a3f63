"""The command as a whole: finding commands, saying what is wrong."""

import os
import socket
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest

from tests.weaver.cli.conftest import OpenSocket, Run
from weaver.cli import client, main, ps


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, main.GROUP)


@click.command()
def extra() -> None:
    """Do more."""
    click.echo("more")


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        plugin("extra", f"{__name__}:extra"),
        plugin("gone", "weaver.no_such_module:command"),
        plugin("wrong", f"{__name__}:plugin"),
        plugin("ps", f"{__name__}:extra"),
    ]
    monkeypatch.setattr(main, "_plugins", lambda: points)


def test_help_lists_the_commands(run: Run) -> None:
    result = run("--help")

    assert result.code == 0
    listed = [line.split()[0] for line in result.out.partition("Commands:")[2].split("\n") if line.strip()]
    assert {"monitor", "stats", "tail"} <= set(listed)
    assert listed == sorted(main.COMMANDS)


@pytest.mark.usefixtures("plugins")
def test_command_of_a_plugin_is_listed_and_run(run: Run) -> None:
    assert "Do more." in run("--help").out
    assert run("extra").out == "more\n"


@pytest.mark.usefixtures("plugins")
def test_plugin_that_cannot_be_loaded_is_named_and_harms_no_other(run: Run) -> None:
    assert "the command gone (weaver.no_such_module:command) cannot be loaded" in run("gone").err
    assert "is no click command" in run("wrong").err
    assert run("--help").code == 0


@pytest.mark.usefixtures("plugins")
def test_plugin_does_not_take_the_place_of_a_command_of_ours(run: Run) -> None:
    assert "no server is running" in run("ps").err


def test_unknown_command_is_answered_by_those_that_are_near(run: Run) -> None:
    result = run("monitr", "ls")

    assert result.code == 2
    assert result.err.startswith("weaver: there is no command 'monitr'; did you mean monitor?")
    assert f"there are: {', '.join(sorted(main.COMMANDS))}" in run("zzz").err


@pytest.mark.parametrize(
    "arguments", [["--nothing"], ["monitor", "show"], ["tail", "-n", "0"], ["monitor", "nope"], []]
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize(
    "arguments", [["ps"], ["monitor", "ls"], ["monitor", "on", "A"], ["tail"], ["-t", "web", "tail"]]
)
def test_without_a_server_commands_end_with_3_and_say_how_to_start_one(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert (result.code, result.out) == (3, "")
    assert result.err == "weaver: no server is running\n  start one with: python -m weaver.run apps.click2call\n"


def test_error_is_an_object_when_json_is_asked_for(run: Run) -> None:
    result = run("monitor", "ls", "--json")

    assert (result.code, result.out) == (3, "")
    assert result.err.startswith('{"error": {"message": "no server is running", "exit_code": 3, "hint": ')


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (ZeroDivisionError("x"), 1)])
def test_commands_that_break_off_end_without_a_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(ps, "find_servers", fail)

    result = run("ps")

    assert result.code == code
    assert "Traceback" not in result.err


def test_traceback_is_shown_on_request(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ps, "find_servers", lambda: 1 / 0)
    monkeypatch.setenv("WEAVER_DEBUG", "1")

    with pytest.raises(ZeroDivisionError):
        run("ps")


def test_ps_lists_servers_and_passes_over_dead_ones(run: Run, open_socket: OpenSocket, tmp_path: Path) -> None:
    open_socket("web-1.sock")
    open_socket("sip-2.sock", "sip")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead-3.sock"))

    assert [line.split()[0] for line in run("ps").out.splitlines()] == ["NAME", "sip", "web"]
    servers = run("ps", "--json").json["servers"]
    assert [(server["name"], server["role"]) for server in servers] == [("sip", "admin"), ("web", "admin")]
    assert [server["name"] for server in run("--json", "-t", "web", "ps").json["servers"]] == ["web"]


def test_ps_shows_a_server_whose_socket_lies_elsewhere(
    run: Run, open_socket: OpenSocket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_socket("web-1.sock")
    monkeypatch.setattr(client, "socket_folders", lambda: ())

    assert run("ps").code == 3
    assert run("--json", "-t", str(tmp_path / "web-1.sock"), "ps").json["servers"][0]["name"] == "web"
    assert "there is no such socket" in run("-t", str(tmp_path / "none.sock"), "ps").err


def test_ps_shows_a_server_that_does_not_greet(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PROBE_SECONDS", 0.01)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute-1.sock"))
        mute.listen(8)

        assert "did not greet within 0.01 s" in run("ps").out
        assert "did not greet" in run("--json", "ps").json["servers"][0]["fault"]


def test_json_without_servers_is_an_empty_list_and_ends_with_3(run: Run) -> None:
    result = run("ps", "--json")

    assert (result.code, result.json) == (3, {"servers": []})


@pytest.mark.slow
def test_client_imports_neither_gevent_nor_pydantic_nor_the_weaving_core() -> None:
    code = (
        "import importlib, sys\n"
        "from weaver.cli import main\n"
        "for place, _ in main.COMMANDS.values(): importlib.import_module(place.partition(':')[0])\n"
        "main.main(['--help'])\n"
        "heavy = {'gevent', 'pydantic', 'server', 'monitors', 'rich', 'msgspec'}\n"
        "core = {'weaver.weaving', 'weaver.swap', 'weaver.hook', 'weaver.advice', 'weaver.registry'}\n"
        "print(sorted((heavy | core) & set(sys.modules)), file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)

    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_shell_completion_completes_commands(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_WEAVER_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "weaver mon")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert run().out.split() == ["plain,monitor"]


@pytest.mark.slow
def test_reader_that_goes_away_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "weaver", "--help"], stdout=nobody, stderr=subprocess.PIPE, timeout=20, check=False
        )

    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_package_is_run_as_the_client(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "weaver", "-t", str(tmp_path / "none.sock"), "monitor", "ls"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 3
    assert "there is no such socket" in done.stderr
