"""Monitors that sleep, raise, recurse, swallow or flood: calls complete, the monitor is stopped with a notice."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import monkey

from server.node import Node
from server.testing.phone import ScriptedPhone
from tests.scenarios.woven import weaving
from weaver.cli.client import Client as Admin
from weaver.joinpoint import Invocation
from weaver.monitor import ActionKind, MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.run import Weaver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(method="thread")]  # the signal of pytest's timer is needed here

SERVICE = "execution(* server.servlet.sip_servlet.SipServlet+.service(..))"
EVERYTHING = "execution(* server.engine..*(..)) or execution(* server.sip..*(..))"

sleep = monkey.get_original("time", "sleep")


class Hostile:
    """An action of the test."""

    name = "Hostile"
    kind: ActionKind = "stateless"

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        raise NotImplementedError

    enter = leave = run


class Sleeping(Hostile):
    def run(self, invocation: Invocation) -> None:
        sleep(60)


class Waiting(Hostile):
    def run(self, invocation: Invocation) -> None:
        gevent.sleep(60)


class Spinning(Hostile):
    def run(self, invocation: Invocation) -> None:
        while True:
            try:
                sum(range(100))
            except Exception:
                continue


class Raising(Hostile):
    def run(self, invocation: Invocation) -> None:
        raise SystemExit(1)


class Recursing(Hostile):
    def run(self, invocation: Invocation) -> None:
        self.run(invocation)


class CallingBack(Hostile):
    """Calls the very function that it watches."""

    def run(self, invocation: Invocation) -> None:
        invocation.shadow.function(*invocation.arguments)


class Flooding(Hostile):
    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        return {f"k{i}": ["x" * 1_000] * 1_000 for i in range(100)}


def switch_on(weaver: Weaver, action: Hostile, pointcut: str, **limits: int) -> None:
    weaver.registry.add_action(action)
    weaver.registry.add(MonitorDefinition("Bad", "application", "custom", "before", parse_pointcut(pointcut)))
    weaver.registry.set("Bad", enabled=True, actions=[action.name], limits=limits)


def calls(phones: tuple[ScriptedPhone, ScriptedPhone], count: int) -> None:
    """Make whole calls, one after another."""
    alice, bob = phones
    for number in range(1, count + 1):
        call_id = alice.dial(bob.uri)
        assert alice.wait_for(lambda call_id=call_id: bool(alice._dialogs[call_id].log))  # type: ignore[misc]
        alice.hang_up(call_id)
        assert bob.wait_for(lambda number=number: [one[:3] for one in bob.received].count("BYE") >= number)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("action", "pointcut", "limits", "reason"),
    [
        (Sleeping, SERVICE, {}, "Hostile did not end within 50 ms"),
        (Waiting, SERVICE, {}, "Hostile did not end within 50 ms"),
        (Spinning, SERVICE, {"hang_ms": 20}, "Hostile did not end within 20 ms"),
        (Raising, SERVICE, {"errors": 3}, "Hostile failed 3 times in a row"),
        (Recursing, SERVICE, {"errors": 3}, "Hostile failed 3 times in a row"),
        (Flooding, EVERYTHING, {"rate": 5, "flood": 20, "time_ms": 1_000}, "25 events in one second are a flood"),
    ],
)
def test_hostile_monitor_is_stopped_with_a_notice_and_calls_complete(
    tmp_path: Path,
    node: Node,
    phones: tuple[ScriptedPhone, ScriptedPhone],
    action: type[Hostile],
    pointcut: str,
    limits: dict[str, int],
    reason: str,
) -> None:
    with weaving(tmp_path, "") as weaver:
        admin = Admin(weaver.open_socket(tmp_path / "admin.sock"))
        admin.call("notice.subscribe")
        switch_on(weaver, action(), pointcut, **limits)

        calls(phones, 2)

        with gevent.Timeout(5):
            notice = next(admin.events())
        status = admin.call("monitor.get", name="Bad")
        admin.close()
    said, counters = notice["params"], status["counters"]
    assert (notice["method"], said["kind"], said["source"]) == ("notice", "monitor.stopped", "Bad")
    assert said["text"] == status["notice"] == f"switched off: {reason}"
    assert not status["enabled"]
    assert counters["fired"] == counters["errors"] + counters["emitted"] + counters["dropped"] > 0
    assert (node.engine.failed_items, node.container.servlet_errors) == (0, 0)


def test_monitor_that_calls_what_it_watches_is_not_called_again_for_that(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    with weaving(tmp_path, "") as weaver:
        switch_on(weaver, CallingBack(), "execution(* server.sip.codec.parse_message(..))")

        calls(phones, 1)

        counters = weaver.registry.get("Bad")["counters"]
    assert counters["fired"] > 0
    assert counters["errors"] == 0


def test_monitor_that_is_slow_rests_when_its_time_of_the_second_is_used_up(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    class Slow(Hostile):
        def run(self, invocation: Invocation) -> None:
            sleep(0.005)

    with weaving(tmp_path, "") as weaver:
        switch_on(weaver, Slow(), EVERYTHING, time_ms=10)
        began = time.monotonic()

        calls(phones, 1)

        seconds = time.monotonic() - began
        status = weaver.registry.get("Bad")
    assert status["drops"]["time"] > 10
    assert status["counters"]["ns"] < (seconds + 1) * 30_000_000


def test_events_of_a_flooding_monitor_are_bounded(
    tmp_path: Path, node: Node, phones: tuple[ScriptedPhone, ScriptedPhone]
) -> None:
    with weaving(tmp_path, "") as weaver:
        switch_on(weaver, Flooding(), SERVICE)

        calls(phones, 1)

        events, counters = weaver.buffer.recent(), weaver.registry.get("Bad")["counters"]
    assert counters["cut"] == len(events) > 0
    assert max(len(repr(event.payload)) for event in events) < 40_000
