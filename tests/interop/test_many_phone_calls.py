"""baresip and PJSIP are joined by click-to-call 200 times; not one call may fail."""

from pathlib import Path

import pytest

from tests.interop.conftest import StartServer
from tests.interop.phones import Baresip, Pjsip
from tests.interop.processes import Process

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(900)]

CALLS = 200


def test_every_call_between_baresip_and_pjsip_is_answered_and_ended(
    start_server: StartServer, processes: list[Process], tmp_path: Path
) -> None:
    server = start_server("apps.click2call")
    bob = Baresip("bob", 440, tmp_path / "bob", server.sip)
    processes.append(bob)
    carol = Pjsip("carol", 1000, tmp_path / "carol", server.sip)
    processes.append(carol)
    bob.wait_registered()
    carol.wait_registered()
    parties = [f"sip:{user}@{server.sip}" for user in ("bob", "carol")]

    for number in range(CALLS):
        caller, callee = parties if number % 2 else parties[::-1]
        status, call = server.ask("POST", "/calls", {"caller": caller, "callee": callee})
        assert status == 201, (number, call)
        server.wait_state(call["id"], "answered")
        server.ask("DELETE", f"/calls/{call['id']}")
        server.wait_state(call["id"], "ended")

    carol.wait_count("call DISCONNECTED", CALLS)
    bob.wait_count("session closed", CALLS)
