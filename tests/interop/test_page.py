"""The click-to-call page in Chromium, with the two phones of the demo. Screenshots: ``build/screenshots/``."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import StartServer
from tests.interop.processes import Process, program, unavailable

pytestmark = [pytest.mark.interop, pytest.mark.slow]

Drive = Callable[[str], dict[str, Any]]


@pytest.fixture
def drive(start_server: StartServer, processes: list[Process], build_folder: Path) -> Drive:
    chromium = program("chromium", "chromium")
    playwright = subprocess.run(
        [sys.executable, "-m", "playwright", "--version"], capture_output=True, text=True, check=False
    )
    if playwright.returncode:
        unavailable(f"Playwright does not run: {playwright.stderr.strip()}")
    server = start_server("apps.click2call", "--demo")
    folder = build_folder / "screenshots"
    folder.mkdir(exist_ok=True)

    def run(scenario: str) -> dict[str, Any]:
        script = str(Path(__file__).with_name("page_driver.py"))
        command = [sys.executable, script, f"http://{server.bound['http']}/", chromium, str(folder), scenario]
        driver = Process(f"Chromium, {scenario}", command)
        processes.append(driver)
        assert driver.wait(90) == 0, driver.output()
        seen: dict[str, Any] = json.loads(driver.lines[-1])
        assert seen["complaints"] == []
        return {**seen, "sip": server.sip}

    return run


def test_call_between_the_demo_phones_goes_through_all_its_states(drive: Drive) -> None:
    seen = drive("whole_call")

    assert seen["filled"] == [f"sip:{name}@{seen['sip']}" for name in ("alice", "bob")]
    assert list(dict.fromkeys(seen["before"])) == ["calling", "ringing", "answered"]
    assert seen["before"].count("ringing") == 2
    assert seen["after"] == ["answered", "ended"]
    assert seen["buttons"] == [True, True]
    assert (seen["state"], seen["detail"]) == ("The call has ended", "the call was hung up")


def test_hang_up_on_the_page_ends_a_ringing_call(drive: Drive) -> None:
    seen = drive("hang_up")

    assert list(dict.fromkeys(seen["history"])) == ["calling", "ringing", "ended"]
    assert seen["detail"] == "the call was hung up"


def test_refusals_stand_at_their_field_in_plain_words(drive: Drive) -> None:
    seen = drive("refused")

    assert "is no SIP address" in seen["bad"]
    assert seen["focus"] == "callee"
    assert "may not be called" in seen["forbidden"][0]
    assert seen["forbidden"][1] == ""
    assert seen["failed"] == {
        "state": "The call failed",
        "detail": "404 · the caller: nobody is registered under this address",
    }
    assert "too many calls" in seen["too_many"]


def test_page_is_usable_without_sight_on_a_narrow_screen(drive: Drive) -> None:
    seen = drive("structure")

    assert seen["labels"] == [1, 1]
    assert (seen["live"], seen["headings"]) == (1, ["Click to call"])
    assert (seen["overflow"], seen["inline"]) == (0, 0)
