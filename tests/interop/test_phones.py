"""baresip and PJSIP are joined by a click on the page, and each hears the other's tone."""

from pathlib import Path

import pytest

from tests.interop.conftest import StartServer
from tests.interop.phones import Baresip, Phone, Pjsip
from tests.interop.processes import Process, wait_until
from tests.interop.tones import heard_hertz, heard_seconds

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(300)]

TONES = {"bob": 440, "carol": 1000}
LISTENED = 2.0
"""Seconds of the other's tone that a phone must have heard."""


@pytest.mark.parametrize("caller", ["bob", "carol"])
def test_two_phones_hear_each_other(
    caller: str, start_server: StartServer, processes: list[Process], tmp_path: Path
) -> None:
    server = start_server("apps.click2call")
    bob = Baresip("bob", TONES["bob"], tmp_path / "bob", server.sip)
    processes.append(bob)
    carol = Pjsip("carol", TONES["carol"], tmp_path / "carol", server.sip)
    processes.append(carol)
    bob.wait_registered()
    carol.wait_registered()
    callee = "carol" if caller == "bob" else "bob"

    _, call = server.ask(
        "POST", "/calls", {"caller": f"sip:{caller}@{server.sip}", "callee": f"sip:{callee}@{server.sip}"}
    )
    server.wait_state(call["id"], "answered")
    heard = {phone.user: listen(phone) for phone in (bob, carol)}
    server.ask("DELETE", f"/calls/{call['id']}")

    assert heard == {"bob": TONES["carol"], "carol": TONES["bob"]}
    carol.wait_line("call DISCONNECTED")
    bob.wait_line("session closed")


def listen(phone: Phone) -> int | None:
    """Return which tone a phone hears, once it has heard something for long enough."""
    recording = wait_until(phone.recording, 15, f"{phone.name} records; it wrote:\n{phone.output()}")
    wait_until(
        lambda: heard_seconds(recording) >= LISTENED,
        30,
        f"{phone.name} hears something for {LISTENED} s; it wrote:\n{phone.output()}",
    )
    return heard_hertz(recording, tuple(TONES.values()))
