"""A phone in Chromium, over the browser's own WebSocket, joined with a phone on UDP by click-to-call (RFC 7118)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.conftest import StartServer
from tests.interop.processes import Process, program, unavailable

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def test_t11_phone_in_a_browser_is_called_answers_and_is_hung_up(
    start_server: StartServer, processes: list[Process], tmp_path: Path
) -> None:
    chromium = program("chromium", "chromium")
    version = [sys.executable, "-m", "playwright", "--version"]
    if subprocess.run(version, capture_output=True, check=False).returncode:
        unavailable("Playwright does not run")
    config = tmp_path / "server.toml"
    config.write_text('[websocket]\nlisten = "127.0.0.1:0"\n', encoding="utf-8")
    server = start_server("apps.click2call", "--demo", "--config", str(config))
    script = str(Path(__file__).with_name("browser_phone.py"))
    url = f"ws://{server.bound['sip-ws']}/sip"
    phone = Process("phone in Chromium", [sys.executable, script, url, server.sip, chromium])
    processes.append(phone)
    phone.wait_line("registered", 60)

    parties = {"caller": f"sip:alice@{server.sip}", "callee": f"sip:browser@{server.sip}"}
    status, call = server.ask("POST", "/calls", parties)
    assert status == 201, call
    server.wait_state(call["id"], "answered")
    server.ask("DELETE", f"/calls/{call['id']}")
    server.wait_state(call["id"], "ended")

    assert phone.wait(30) == 0, phone.output()
    assert json.loads(phone.lines[-1]) == ["200", "INVITE", "ACK", "BYE"]
