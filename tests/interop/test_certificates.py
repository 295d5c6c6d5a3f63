"""A server with TLS in a process of its own, told by SIGHUP that its certificate was renewed."""

import os
import signal
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.interop.conftest import StartServer
from tests.interop.processes import ServerProcess, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.slow]


def serial(server: ServerProcess, ca: trustme.CA) -> str:
    """Return the serial number of the certificate that a new connection sees."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    host, _, port = server.bound["sip-tls"].rpartition(":")
    with (
        socket.create_connection((host, int(port)), 5) as plain,
        context.wrap_socket(plain, server_hostname="server.example") as secured,
    ):
        return str((secured.getpeercert() or {})["serialNumber"])


def test_t10_sighup_reads_the_certificate_again_and_keeps_the_old_one_if_it_cannot(
    start_server: StartServer, tmp_path: Path
) -> None:
    ca, chain, config = trustme.CA(), tmp_path / "chain.pem", tmp_path / "server.toml"
    ca.issue_cert("server.example").private_key_and_cert_chain_pem.write_to_path(chain)
    config.write_text(f'[tls]\nlisten = "127.0.0.1:0"\ncertificate = "{chain}"\n', encoding="utf-8")
    server = start_server("apps.click2call", "--config", str(config))
    first = serial(server, ca)

    ca.issue_cert("server.example").private_key_and_cert_chain_pem.write_to_path(chain)
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: serial(server, ca) != first, 5, "the new certificate is shown")
    second = serial(server, ca)
    chain.write_text("nothing", encoding="utf-8")
    os.kill(server.pid, signal.SIGHUP)
    wait_until(lambda: "tls: certificate" in server.output(), 5, "the fault is told")

    assert serial(server, ca) == second
    assert "Traceback" not in server.output()
