"""Marks of calls over the running server: those of a call that fails or is dyed are kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import weaving
from weaver.cli.client import Client as Admin
from weaver.cli.client import RemoteError
from weaver.run import Weaver

pytestmark = pytest.mark.slow

Phones = tuple[ScriptedPhone, ScriptedPhone]

MONITORS = """
[monitors.CallMarks]
enabled = true
[monitors.DyeInjection]
enabled = true
properties = { SIP_REQ = "BYE" }
[monitors.Sip_Servlet_Before_Service]
actions = ["TraceAction"]
dye_mask = ["SIP_REQ"]
"""


@pytest.fixture
def weaver(tmp_path: Path, node: Node) -> Iterator[Weaver]:
    with weaving(tmp_path, MONITORS) as running:
        yield running


@pytest.fixture
def admin(weaver: Weaver, tmp_path: Path) -> Iterator[Admin]:
    with Admin(weaver.open_socket(tmp_path / "admin.sock")) as client:
        yield client


def kept(admin: Admin) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.call("look_back.list")["calls"]
    return found


def good_call(phones: Phones) -> str:
    alice, bob = phones
    call_id = alice.dial(bob.uri)
    assert alice.wait_for(lambda: bool(alice._dialogs[call_id].log))
    alice.hang_up(call_id)
    assert bob.wait_for(lambda: any(line.startswith("BYE") for line in bob.received))
    return call_id


def test_call_that_is_refused_is_kept_with_its_whole_way(admin: Admin, phones: Phones) -> None:
    alice, bob = phones
    bob.final = 486
    call_id = alice.dial(bob.uri)
    assert alice.wait_for(lambda: any("486" in line for line in alice.received))

    (one,) = kept(admin)
    shown = admin.call("look_back.show", call=call_id)

    assert (one["reason"], len(one["names"])) == ("status 486", 2)
    assert shown == admin.call("look_back.show", call=one["call"])
    way = [(mark["word"], mark["detail"]) for mark in shown["marks"]]
    assert way[:3] == [("in", "INVITE"), ("Click2CallServlet", "INVITE"), ("out", "INVITE")]
    assert way.index(("in", 486)) < way.index(("Click2CallServlet", 486)) < way.index(("out", 486))
    assert all(mark["after_ns"] >= 0 for mark in shown["marks"])


def test_call_that_a_servlet_refuses_by_raising_is_kept_for_its_status(admin: Admin, phones: Phones) -> None:
    alice, _ = phones
    call_id = alice.dial("sip:nobody@127.0.0.1")
    assert alice.wait_for(lambda: any(" 404" in line or line.startswith("404") for line in alice.received))

    (one,) = kept(admin)
    shown = admin.call("look_back.show", call=call_id)

    assert (one["reason"], one["names"]) == ("status 404", [call_id])
    way = [(mark["word"], mark["detail"]) for mark in shown["marks"]]
    assert way[2:4] == [("raised", "NotRoutableError"), ("out", 404)]


def test_refusal_that_is_no_failure_is_not_kept_though_it_was_raised(admin: Admin, phones: Phones) -> None:
    alice, _ = phones
    admin.call("monitor.set", name="CallMarks", attributes={"properties": {"passes": "404"}})
    alice.dial("sip:nobody@127.0.0.1")

    assert alice.wait_for(lambda: any(" 404" in line or line.startswith("404") for line in alice.received))

    assert kept(admin) == []


def test_call_that_goes_well_is_not_kept(admin: Admin, weaver: Weaver, phones: Phones) -> None:
    good_call(phones)

    assert kept(admin) == []
    assert weaver.plugins.look_back.statistics().calls > 0
    with pytest.raises(RemoteError, match="no marks are kept"):
        admin.call("look_back.show", call="nobody")


def test_call_that_is_dyed_late_is_kept_from_its_beginning(admin: Admin, weaver: Weaver, phones: Phones) -> None:
    weaver.registry.set("Sip_Servlet_Before_Service", enabled=True)
    call_id = good_call(phones)

    (one,) = kept(admin)
    words = [mark["detail"] for mark in admin.call("look_back.show", call=call_id)["marks"]]

    assert (one["reason"], call_id in one["names"]) == ("dyed", True)
    assert words[0] == "INVITE"
    assert "BYE" in words


def test_call_can_be_kept_while_it_lives_and_all_can_be_dropped(admin: Admin, weaver: Weaver, phones: Phones) -> None:
    good_call(phones)
    call = next(iter(weaver.plugins.look_back._live))

    assert admin.call("look_back.keep", call=call, reason="ticket 17")["reason"] == "ticket 17"
    assert admin.call("look_back.clear") == {"cleared": 1}
    assert kept(admin) == []
