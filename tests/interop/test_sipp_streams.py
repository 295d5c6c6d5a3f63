"""The server as a B2BUA between two SIPp over TCP: one connection for all calls, and one for each."""

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import free_ports

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 200, 50


@pytest.mark.parametrize("mode", [("-t", "t1"), ("-t", "tn", "-max_socket", "500")])
def test_200_calls_over_tcp_without_a_failure(
    start_server: StartServer, start_sipp: StartSipp, mode: tuple[str, ...]
) -> None:
    caller_port, callee_port = free_ports(2)
    server = start_server("apps.click2call", "--outbound-proxy", f"sip:127.0.0.1:{callee_port};transport=tcp")
    callee = start_sipp("callee", callee_port, CALLS, "-t", "t1")

    caller = start_sipp("caller", caller_port, CALLS, "-r", str(RATE), *mode, server.sip, listens=False)
    called = caller.counts(timeout=60)
    answered = callee.counts(timeout=30)

    for counts, sipp in ((called, caller), (answered, callee)):
        assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"
