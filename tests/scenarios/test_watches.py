"""Watches over the running server, from the file and live, and how a bad one is stopped."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import HEAD, weaving
from weaver.cli.client import Client as Admin
from weaver.run import Weaver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(method="thread")]  # the signal of pytest's timer is needed here

Phones = tuple[ScriptedPhone, ScriptedPhone]

MONITORS = """
[monitors.DyeInjection]
enabled = true
[monitors.CallMarks]
enabled = true
[monitors.Sip_Servlet_Before_Service]
enabled = true
actions = ["TraceAction"]
"""
WATCHES = """
[watches.Refused]
when = "status >= 400"
actions = ["notify", "look_back"]
alarm = "none"
"""


@pytest.fixture
def weaver(tmp_path: Path, node: Node) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS + WATCHES) as running:
        yield running


@pytest.fixture
def admin(weaver: Weaver, tmp_path: Path) -> Iterator[Admin]:
    with Admin(weaver.open_socket(tmp_path / "admin.sock")) as client:
        client.call("notice.subscribe")
        yield client


def dial(phones: Phones) -> str:
    alice, bob = phones
    call_id = alice.dial(bob.uri)
    assert alice.wait_for(lambda: any(" 2" in line or "200" in line or "486" in line for line in alice.received[1:]))
    return call_id


def next_notice(admin: Admin) -> dict[str, Any]:
    with gevent.Timeout(5):
        message: dict[str, Any] = next(admin.events())["params"]
    return message


def test_watch_of_the_file_tells_of_a_refused_call_and_keeps_its_marks(admin: Admin, phones: Phones) -> None:
    phones[1].final = 486
    dial(phones)

    notice = next_notice(admin)

    call = notice["details"]["context_payload"]["call_key"]
    assert (notice["kind"], notice["source"]) == ("watch.fired", "Refused")
    assert notice["details"]["context_payload"]["status"] == 486
    assert ["in", 486] in [[one["word"], one["detail"]] for one in admin.call("look_back.show", call=call)["marks"]]


def test_call_that_goes_well_fires_nothing(admin: Admin, phones: Phones) -> None:
    dial(phones)
    gevent.sleep(0.3)

    assert [one["fired"] for one in admin.call("watch.list")["watches"]] == [0]


def test_watch_is_added_over_the_socket_and_acts_on_the_next_message(admin: Admin, phones: Phones) -> None:
    admin.call("watch.add", name="Live", when="method = BYE", alarm="none")
    call_id = dial(phones)
    phones[0].hang_up(call_id)

    assert next_notice(admin)["source"] == "Live"


def test_counter_of_a_monitor_is_watched(admin: Admin, phones: Phones) -> None:
    admin.call("watch.add", name="Busy", when="count(Sip_Servlet_Before_Service) > 3")
    call_id = dial(phones)
    phones[0].hang_up(call_id)

    notice = next_notice(admin)
    assert (notice["source"], notice["details"]["value"] > 3) == ("Busy", True)


def test_changed_file_brings_its_watches_and_live_ones_stay(admin: Admin, weaver: Weaver, tmp_path: Path) -> None:
    admin.call("watch.add", name="Live", when="method = BYE")
    (tmp_path / "instrumentation.toml").write_text(HEAD + MONITORS + '[watches.New]\nwhen = "status = 503"\n')

    admin.call("config.reload")

    assert [one["name"] for one in admin.call("watch.list")["watches"]] == ["Live", "New"]


def test_caller_of_a_refused_call_is_dyed_for_his_next_one(admin: Admin, weaver: Weaver, phones: Phones) -> None:
    alice, bob = phones
    admin.call("watch.add", name="Suspect", when="status = 486", actions=["dye", "notify"], dye=60.0)
    bob.final = 486
    dial(phones)
    while next_notice(admin)["source"] != "Suspect":
        pass
    (rule,) = admin.call("dye.list")["rules"]
    weaver.registry.set("Sip_Servlet_Before_Service", dye_mask=["WATCH_SUSPECT"])
    before = weaver.buffer.recent()[-1].record_id
    bob.final = 200
    call_id = alice.dial(bob.uri)
    assert alice.wait_for(lambda: bool(alice._dialogs[call_id].log))

    methods = [(one.context_payload or {})["method"] for one in weaver.buffer.recent() if one.record_id > before]

    assert (rule["kind"], rule["reason"]) == ("caller", "watch Suspect")
    assert "alice@" in rule["value"]
    assert "INVITE" in methods


def test_watch_that_hangs_is_stopped_and_calls_complete(admin: Admin, weaver: Weaver, phones: Phones) -> None:
    def hang(_fired: object) -> None:
        while True:
            sum(range(100))

    weaver._watches._actions["log"] = hang  # type: ignore[index]
    admin.call("watch.add", name="Bad", when="method = INVITE", actions=["log"])

    dial(phones)

    notice = next_notice(admin)
    assert (notice["kind"], notice["source"]) == ("watch.stopped", "Bad")
    assert notice["text"] == "switched off: it did not end within 50 ms"
