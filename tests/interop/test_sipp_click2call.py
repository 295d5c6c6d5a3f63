"""Click-to-call through the JSON end point, with SIPp as both phones: 500 calls."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.interop.conftest import StartServer, StartSipp
from tests.interop.processes import free_ports

pytestmark = [pytest.mark.interop, pytest.mark.slow]

CALLS, RATE = 500, 50


def test_500_calls_started_over_http_are_joined_and_ended(start_server: StartServer, start_sipp: StartSipp) -> None:
    first_port, second_port = free_ports(2)
    first = start_sipp("first_phone", first_port, CALLS)
    second = start_sipp("second_phone", second_port, CALLS)
    server = start_server("apps.click2call")
    parties = {"caller": f"sip:alice@127.0.0.1:{first_port}", "callee": f"sip:bob@127.0.0.1:{second_port}"}

    def call(number: int) -> tuple[int, dict[str, Any]]:
        threading.Event().wait(max(0.0, begin + number / RATE - time.monotonic()))
        return server.ask("POST", "/calls", parties)

    begin = time.monotonic() + 0.1
    with ThreadPoolExecutor(20) as callers:
        started = list(callers.map(call, range(CALLS)))
    counts = [phone.counts(timeout=60) for phone in (first, second)]
    shown = [server.wait_state(answer["id"], "ended") for _, answer in started]

    assert {status for status, _ in started} == {201}
    assert len({answer["id"] for _, answer in started}) == CALLS
    outcomes = [(phone.successful, phone.failed, phone.exit_code) for phone in counts]
    assert outcomes == [(CALLS, 0, 0)] * 2, f"{counts}\n{first.errors()}\n{second.errors()}"
    assert {call["status"] for call in shown} == {None}
