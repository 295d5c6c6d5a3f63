"""baresip over TCP and over TLS is called by a phone on UDP, over the connection that it registered on."""

from pathlib import Path

import pytest
import trustme

from tests.interop.conftest import StartServer
from tests.interop.phones import Baresip
from tests.interop.processes import Process

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_t10_phone_on_a_stream_registers_is_called_and_hung_up(
    transport: str, start_server: StartServer, processes: list[Process], tmp_path: Path
) -> None:
    ca, chain, authority = trustme.CA(), tmp_path / "chain.pem", tmp_path / "authority.pem"
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(chain)
    ca.cert_pem.write_to_path(authority)
    config = tmp_path / "server.toml"
    config.write_text(f'[tls]\nlisten = "127.0.0.1:0"\ncertificate = "{chain}"\n', encoding="utf-8")
    server = start_server("apps.click2call", "--demo", "--config", str(config))
    bob = Baresip("bob-b", 440, tmp_path / "bob", server.bound[f"sip-{transport}"], transport, str(authority))
    processes.append(bob)
    bob.wait_registered()

    parties = {"caller": f"sip:alice@{server.sip}", "callee": f"sip:bob-b@{server.sip}"}
    _, call = server.ask("POST", "/calls", parties)
    server.wait_state(call["id"], "answered")
    server.ask("DELETE", f"/calls/{call['id']}")

    bob.wait_line("session closed")
    server.wait_state(call["id"], "ended")
