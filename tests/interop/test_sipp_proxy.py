"""The server as a proxy in the way of calls between two SIPp: 200 calls, and their ends seen by it."""

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import Sipp, SippCounts, free_ports, register

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 200, 50


def test_200_calls_through_the_proxy_registrar_without_a_failure(
    start_server: StartServer, start_sipp: StartSipp
) -> None:
    caller_port, callee_port = free_ports(2)
    server = start_server("apps.proxy_registrar")
    register("bob", callee_port, server.sip)
    callee = start_sipp("callee", callee_port, CALLS)

    caller = start_sipp("caller", caller_port, CALLS, "-r", str(RATE), server.sip)

    for sipp in (caller, callee):
        assert_nothing_failed(sipp.counts(timeout=60), sipp)


def assert_nothing_failed(counts: SippCounts, sipp: Sipp) -> None:
    assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"
