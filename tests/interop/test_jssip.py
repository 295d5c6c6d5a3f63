"""JsSIP in Chromium over secure WebSocket: 100 calls, and messages to and from a phone that is no browser."""

import json
import sys
from pathlib import Path

import pytest
import trustme

from tests.interop.conftest import StartServer
from tests.interop.jssip import jssip_bundle
from tests.interop.phones import Pjsip
from tests.interop.processes import Process, ServerProcess, program

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(600)]

CALLS = 100


@pytest.fixture
def secure(tmp_path: Path) -> Path:
    """Return a configuration with a secure WebSocket."""
    chain, config = tmp_path / "chain.pem", tmp_path / "server.toml"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
    config.write_text(f'[tls]\ncertificate = "{chain}"\n[websocket]\nsecure_listen = "127.0.0.1:0"\n', encoding="utf-8")
    return config


def phones(server: ServerProcess, *scenario: str) -> Process:
    """Start JsSIP in Chromium."""
    script, url = str(Path(__file__).with_name("jssip_phones.py")), f"wss://{server.bound['sip-wss']}/sip"
    chromium = program("chromium", "chromium")
    return Process("JsSIP", [sys.executable, script, url, server.sip, chromium, str(jssip_bundle()), *scenario])


def test_100_calls_over_secure_websocket_without_a_failure(
    start_server: StartServer, processes: list[Process], secure: Path
) -> None:
    server = start_server("apps.click2call", "--config", str(secure))
    jssip = phones(server, "calls", str(CALLS))
    processes.append(jssip)

    assert jssip.wait(500) == 0, jssip.output()[-4000:]
    assert json.loads(jssip.lines[-1]) == {"confirmed": CALLS, "answered": CALLS, "ended": CALLS, "failed": []}


def test_messages_go_to_a_phone_and_come_back(
    start_server: StartServer, processes: list[Process], secure: Path, tmp_path: Path
) -> None:
    server = start_server("apps.proxy_registrar", "--config", str(secure))
    carol = Pjsip("carol", 1000, tmp_path / "carol", server.sip)
    processes.append(carol)
    carol.wait_registered()
    jssip = phones(server, "messages", "carol")
    processes.append(jssip)

    assert jssip.wait(60) == 0, jssip.output()[-4000:]
    assert json.loads(jssip.lines[-1]) == {"sent": "succeeded", "written": "heard: good morning"}
    carol.wait_line("message good morning")
