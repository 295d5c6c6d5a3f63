"""Stacks: bounded, without values, and nothing of the weaver in them."""

import sys
from typing import Any

import gevent
import pytest
from gevent.event import Event

from monitors.actions import thread_dump
from server.greenlets import spawn
from tests.monitors.actions.conftest import Bench


def test_stack_begins_at_the_joinpoint_and_has_its_callers(bench: Bench) -> None:
    bench.put("StackDumpAction")

    bench.module.deep(2)

    (payload,) = bench.payloads
    assert [line.partition(" ")[0] for line in payload["frames"][:4]] == [
        "woven_target.f", "woven_target.deep", "woven_target.deep", "woven_target.deep",
    ]  # fmt: skip
    assert "test_dumps.py:" in payload["frames"][4]
    assert "alice" not in str(payload)


def test_stack_is_as_deep_as_asked_and_says_what_is_left_out(bench: Bench) -> None:
    bench.put("StackDumpAction", depth=3)

    bench.module.deep(200)

    (payload,) = bench.payloads
    assert len(payload["frames"]) == 3
    assert payload["frames_left_out"] > 198


def test_stack_of_an_endless_recursion_is_walked_to_a_limit(bench: Bench) -> None:
    bench.put("StackDumpAction")

    bench.module.deep(900)

    assert bench.payloads[0]["frames_left_out"] <= 1000


@pytest.mark.parametrize("depth", [0, 21, "many"])
def test_depth_beyond_the_limits_is_refused(bench: Bench, depth: object) -> None:
    with pytest.raises(Exception, match="M: property depth"):
        bench.put("StackDumpAction", depth=depth)


def waiting(count: int) -> tuple[Event, list[Any]]:
    event = Event()

    def wait() -> None:
        event.wait(5)

    greenlets = [spawn("waiting", wait) for _ in range(count)]
    gevent.sleep(0)
    return event, greenlets


def test_dump_has_this_thread_and_every_greenlet_that_waits(bench: Bench) -> None:
    bench.put("ThreadDumpAction")
    event, greenlets = waiting(30)

    bench.module.f()

    event.set()
    gevent.joinall(greenlets)
    (payload,) = bench.payloads
    threads = [stack for stack in payload["stacks"] if stack["of"] == "thread"]
    together = [stack for stack in payload["stacks"] if stack["of"] == "greenlet" and stack["count"] >= 30]
    assert payload["threads"] >= 1
    assert payload["greenlets"] >= 30
    assert any(stack["frames"][0].startswith("woven_target.f ") for stack in threads)
    assert len(together) == 1
    assert together[0]["frames"][0].startswith("tests.monitors.actions.test_dumps.waiting.<locals>.wait ")
    assert "alice" not in str(payload)


def test_dump_shows_so_many_stacks_and_counts_the_rest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_dump, "STACKS", 1)
    bench.put("ThreadDumpAction", depth=2)
    event, greenlets = waiting(3)

    bench.module.f()

    event.set()
    gevent.joinall(greenlets)
    (payload,) = bench.payloads
    assert len(payload["stacks"]) == 1
    assert payload["stacks_left_out"] >= 1
    assert len(payload["stacks"][0]["frames"]) <= 2


def test_there_is_one_dump_in_an_interval_for_each_monitor(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(thread_dump, "monotonic", lambda: now[0])
    bench.put("ThreadDumpAction", interval=10)
    bench.put("ThreadDumpAction", name="N", interval=1)
    for name in ("M", "N"):
        bench.registry.set(name, limits={"time_ms": 1_000})

    for seconds in (0.0, 1.5, 9.0, 10.5):
        now[0] = 100.0 + seconds
        bench.module.f()

    assert [event.monitor for event in bench.registry.buffer.recent()] == ["M", "N", "N", "N", "M", "N"]


def test_last_dumps_of_so_many_monitors_are_known(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_dump, "MONITORS", 1)
    for name in ("M", "N"):
        bench.put("ThreadDumpAction", name=name)
        bench.registry.set(name, limits={"time_ms": 1_000})

    bench.module.f()
    bench.module.f()

    assert [event.monitor for event in bench.registry.buffer.recent()] == ["M", "N", "M", "N"]


def test_dump_without_greenlets_has_the_threads(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.put("ThreadDumpAction")
    monkeypatch.delitem(sys.modules, "greenlet")

    bench.module.f()

    assert bench.payloads[0]["greenlets"] == 0
    assert bench.payloads[0]["threads"] >= 1
