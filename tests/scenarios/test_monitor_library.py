"""The whole library of monitors over the running server: a click-to-call call passes them, and is none the worse."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.test_click2call import call, client, wait_state
from tests.scenarios.woven import HEAD, weaving
from weaver.config import load_instrumentation
from weaver.run import Weaver

pytestmark = pytest.mark.slow

SHIPPED = load_instrumentation(Path(__file__).parents[2] / "instrumentation.toml").weaver.plugins
PASSED = {
    "Sip_Servlet_*_Service", "Sip_Servlet_*_Session", "Sip_Servlet_*_Message_Send_Internal", "Servlet_*_Service",
    "Servlet_*_Session", "Timer_*_Schedule", "Timer_*_Timeout", "Timer_*_Wake_Internal", "State_*_Check_Out_Internal",
    "State_*_Check_In_Internal", "State_*_Lock_Wait_Internal", "Greenlet_*_Spawn", "Json_*_Encode", "Json_*_Decode",
}  # fmt: skip
"""Families that a click-to-call call passes whose second phone rings for long."""


@pytest.fixture
def weaver(tmp_path: Path) -> Iterator[Weaver]:
    with weaving(tmp_path, "") as running:
        loaded = tomllib.loads(HEAD)["weaver"]["plugins"]
        running.plugins.load(name for name in SHIPPED if name not in loaded)
        yield running


def switch_on(weaver: Weaver, names: Any, **actions: str) -> None:
    for name in names:
        status = weaver.registry.get(name)
        if status["kind"] == "delegating":
            action = actions.get(status["location"], actions["other"])
            weaver.registry.set(name, enabled=True, actions=[action])
        elif name != "ContextPropagation":
            weaver.registry.set(name, enabled=True)


def click_to_call(node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]) -> str:
    alice, bob = phones
    bob.ring = 1.0
    web = client(node)
    _, started = call(web, alice.uri, bob.uri)
    wait_state(web, started["id"], "answered")
    web.delete(f"/calls/{started['id']}")
    assert alice.wait_for(lambda: any(line.startswith("BYE") for line in alice.received))
    return str(wait_state(web, started["id"], "ended")["state"])


@pytest.mark.parametrize(
    "actions",
    [
        {"around": "TraceElapsedTimeAction", "other": "TraceAction"},
        {"around": "SnapshotDiffAction", "other": "DisplayArgumentsAction"},
        {"around": "MethodInvocationStatisticsAction", "other": "StackDumpAction"},
        {"around": "MethodMemoryAllocationStatisticsAction", "other": "ThreadDumpAction"},
    ],
    ids=lambda actions: actions["around"],
)
def test_call_passes_the_monitors_of_the_library_and_no_action_fails(
    weaver: Weaver, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone], actions: dict[str, str]
) -> None:
    switch_on(weaver, weaver.registry.names(), **actions)

    ended = click_to_call(node, phones)

    assert ended == "ended"
    counters = {name: weaver.registry.get(name)["counters"] for name in weaver.registry.names()}
    expected = {family.replace("*", word) for family in PASSED for word in ("Before", "After", "Around")}
    passed = {name for name, counts in counters.items() if counts["fired"]}
    assert passed >= expected | {"SipSessionDebug", "HttpSessionDebug"}
    assert {name: counts["errors"] for name, counts in counters.items() if counts["errors"]} == {}
    assert [name for name in weaver.registry.names() if weaver.registry.get(name)["notice"]] == []


def test_session_debug_tells_by_how_much_a_session_grew(
    weaver: Weaver, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    switch_on(weaver, ["SipSessionDebug", "HttpSessionDebug"])

    click_to_call(node, phones)

    payloads = [event.payload or {} for event in weaver.buffer.recent() if event.monitor == "SipSessionDebug"]
    before, after = payloads[:2]
    assert (before["phase"], after["phase"]) == ("before", "after")
    assert after["size_bytes"] == before["size_bytes"] + after["grown_bytes"]
    assert after["grown_bytes"] > 100
    asked = [event.payload or {} for event in weaver.buffer.recent() if event.monitor == "HttpSessionDebug"]
    assert asked[-1]["size_bytes"] == 1
    assert asked[-1]["attributes"] == 0


def test_session_use_is_told_once_though_it_is_handed_on(
    weaver: Weaver, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    switch_on(weaver, ["Sip_Servlet_Before_Session", "Servlet_Before_Session"], other="TraceAction")

    click_to_call(node, phones)

    events = [event for event in weaver.buffer.recent() if event.monitor == "Sip_Servlet_Before_Session"]
    methods = {event.method for event in events}
    owners = {event.class_name for event in events if event.method.endswith("_attribute")}
    assert methods == {"new_application", "draft", "get_attribute", "set_attribute"}
    assert owners == {"ContainerApplicationSession"}


def test_session_of_a_request_that_came_in_is_told_when_it_is_made(
    weaver: Weaver, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    alice, bob = phones
    switch_on(weaver, ["Sip_Servlet_After_Session"], other="TraceAction")

    alice.dial(bob.uri)
    assert bob.wait_for(lambda: any(line.startswith("INVITE") for line in bob.received))

    made = [event.method for event in weaver.buffer.recent() if event.monitor == "Sip_Servlet_After_Session"]
    assert made[:2] == ["new_application", "_session"]
