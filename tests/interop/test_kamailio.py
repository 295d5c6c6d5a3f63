"""Kamailio stands on both sides of the server: SIPp, Kamailio, the server as a B2BUA, Kamailio, SIPp."""

from pathlib import Path

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.kamailio import Kamailio
from tests.interop.processes import Process, free_ports, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 200, 50


def test_200_calls_through_kamailio_without_a_failure(
    start_server: StartServer, start_sipp: StartSipp, processes: list[Process], tmp_path: Path
) -> None:
    caller_port, callee_port, proxy_port = free_ports(3)
    server = start_server("apps.click2call", "--outbound-proxy", f"sip:127.0.0.1:{proxy_port};lr")
    proxy = Kamailio(proxy_port, int(server.sip.rpartition(":")[2]), callee_port, tmp_path / "kamailio")
    processes.append(proxy)
    wait_until(lambda: is_bound(proxy_port), 15, f"Kamailio listens; it wrote:\n{proxy.output()}")
    callee = start_sipp("callee", callee_port, CALLS)

    caller = start_sipp("caller", caller_port, CALLS, "-r", str(RATE), f"127.0.0.1:{proxy_port}")
    called, answered = caller.counts(timeout=60), callee.counts(timeout=30)

    for counts, sipp in ((called, caller), (answered, callee)):
        assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"


def is_bound(port: int) -> bool:
    """Say whether somebody listens on a UDP port."""
    return f":{port:04X} " in Path("/proc/net/udp").read_text(encoding="ascii")
