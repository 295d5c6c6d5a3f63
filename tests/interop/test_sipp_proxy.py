"""The server as a proxy in the way of calls between two SIPp: 200 calls, and their ends seen by it."""

import socket

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import Sipp, SippCounts, free_ports

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


def register(user: str, port: int, server: str) -> None:
    """Register a phone on a port; the flow that it is called over is the one that it registers over."""
    host, _, server_port = server.rpartition(":")
    request = (
        f"REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{port}\r\n"
        f"From: <sip:{user}@{server}>;tag=1\r\nTo: <sip:{user}@{server}>\r\nCall-ID: {port}\r\nCSeq: 1 REGISTER\r\n"
        f"Contact: <sip:{user}@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", port))
        phone.settimeout(5)
        phone.sendto(request.encode(), (host, int(server_port)))
        assert phone.recv(65_535).startswith(b"SIP/2.0 200 ")


def assert_nothing_failed(counts: SippCounts, sipp: Sipp) -> None:
    assert (counts.successful, counts.failed, counts.exit_code) == (CALLS, 0, 0), f"{counts}\n{sipp.errors()}"
