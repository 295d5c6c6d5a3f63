"""The command line of the server, in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.conftest import StartServer
from tests.interop.processes import ROOT

pytestmark = [pytest.mark.interop, pytest.mark.slow]

APP = "apps.click2call"
LISTEN = ["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]

LIST_MODULES = f"""
from gevent import monkey
monkey.patch_all()
import json, os, signal, sys
import server.__main__ as main
from server.greenlets import spawn

class Watched:
    def write(self, text):
        sys.__stderr__.write(text)
        if text.strip().endswith("ready"):
            spawn("end", end)
    def flush(self):
        sys.__stderr__.flush()

def end():
    print(json.dumps(sorted(sys.modules)), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

sys.stderr = Watched()
sys.exit(main.main({[APP, *LISTEN, "--demo"]!r}))
"""


def run(*arguments: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, check=False)


def test_banner_names_what_was_bound(start_server: StartServer) -> None:
    server = start_server(APP)

    assert list(server.bound) == ["sip-udp", "sip-tcp", "http"]
    assert server.bound["sip-udp"] == server.bound["sip-tcp"]
    assert server.ask("GET", "/config") == (200, {"demo": False, "caller": "", "callee": ""})


def test_demo_fills_the_page_and_says_what_to_try(start_server: StartServer) -> None:
    server = start_server(APP, "--demo")

    assert server.ask("GET", "/config")[1]["caller"] == f"sip:alice@{server.sip}"
    assert any(line.startswith("try: ") and server.bound["http"] in line for line in server.lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_with_0_while_a_call_is_up(start_server: StartServer, number: signal.Signals) -> None:
    server = start_server(APP, "--demo")
    parties = {"caller": f"sip:alice@{server.sip}", "callee": f"sip:bob@{server.sip}"}
    _, call = server.ask("POST", "/calls", parties)
    server.wait_state(call["id"], "ringing")

    os.kill(server.pid, number)

    assert server.wait(10) == 0
    assert "Traceback" not in server.output()


def test_server_has_no_weaver_in_its_process() -> None:
    done = run("-c", LIST_MODULES)

    assert done.returncode == 0, done.stderr
    packages = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert {"server", "apps"} <= packages
    assert not packages & {"weaver", "monitors"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apps.nothing"], "no such package"),
        ([APP, "--sip", "nowhere"], "sip.listen: 'nowhere' is not HOST:PORT"),
        ([APP, "--outbound-proxy", "tel:1"], "sip.outbound_proxy"),
        ([APP, "--config", "/nonexistent.toml"], "cannot be read"),
        ([APP, "--no-such-option"], "--no-such-option"),
        ([], "APP"),
    ],
)
def test_bad_argument_ends_with_2_and_says_why(arguments: list[str], words: str) -> None:
    done = run("-m", "server", *LISTEN, *arguments)

    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_every_fault_of_a_config_file_is_reported_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "server.toml"
    config.write_text('[sip]\nlisen = "127.0.0.1:0"\nt1 = "soon"\n\n[htp]\nlisten = ""\n', encoding="utf-8")

    done = run("-m", "server", APP, "--config", str(config))

    assert done.returncode == 2
    faults = [line.partition(": ")[::2] for line in done.stderr.splitlines()]
    assert [where.rpartition(":")[2] for where, _ in faults] == ["2", "3", "5"]
    assert "did you mean 'listen'" in faults[0][1]


def test_address_in_use_ends_with_1_and_says_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = run("-m", "server", APP, "--sip", address, "--http", "127.0.0.1:0")

    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr
