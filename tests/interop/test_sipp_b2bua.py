"""The server as a B2BUA between two SIPp: 2,000 calls at 100 a second.

On a machine that is busy with other things retransmissions are reported, but only failures fail the test.
"""

import os

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import Sipp, SippCounts, free_ports

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 2000, 100


def test_2000_calls_between_two_sipp_without_a_failure(start_server: StartServer, start_sipp: StartSipp) -> None:
    caller_port, callee_port = free_ports(2)
    server = start_server("apps.click2call", "--outbound-proxy", f"sip:127.0.0.1:{callee_port}")
    callee = start_sipp("callee", callee_port, CALLS)

    caller = start_sipp("caller", caller_port, CALLS, "-r", str(RATE), server.sip)
    called = caller.counts(timeout=100)
    answered = callee.counts(timeout=30)

    retransmissions = called.retransmissions + answered.retransmissions
    print(f"{CALLS} calls at {RATE}/s: {retransmissions} retransmissions by SIPp")
    assert_nothing_failed(called, caller)
    assert_nothing_failed(answered, callee)
    if os.getloadavg()[0] < (os.cpu_count() or 1):
        assert retransmissions == 0, f"caller: {called}, callee: {answered}"


def assert_nothing_failed(counts: SippCounts, sipp: Sipp) -> None:
    assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"
