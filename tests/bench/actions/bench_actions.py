"""What each action costs a pass through a joinpoint, over the same call without a monitor.

Each action has a module of its own, and its monitor is on for its own turns only: what it switches on in the process
does not weigh on the others. Events go to a ring and nowhere else, and the limits are as wide as they can be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors.actions.thread_dump import ThreadDumpAction
from server.sip.codec import parse_message
from tests.bench.figures import Figure, report
from tests.bench.weaving.kit import Variant, in_greenlet, over, times
from tests.bench.weaving.subjects import fresh_module
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

CALLS, ROUNDS = 400, 40
OBJECTS = 200_000
WIDE = {"rate": 1_000_000, "flood": 1_000_000, "time_ms": 1_000}
MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
)


class Held:
    """The argument: what the watched method reads, and a message."""

    def __init__(self) -> None:
        self.method, self.seq, self.message = "INVITE", 7, parse_message(MESSAGE)


def variant_of(action: str) -> Variant:
    """Return the call of a method that has one monitor with the action, on for the length of a turn."""
    registry = Registry(EventBuffer(1000))
    Plugins(registry).load(["monitors.actions"])
    module: Any = fresh_module()
    registry.on_module(module)
    for location in ("around", "before"):
        name = f"M_{location}"
        pointcut = parse_pointcut(f"execution(* {module.__name__}.Dialog.do_invite(..))")
        registry.add(MonitorDefinition(name, "application", "custom", location, pointcut))
        if action in registry.get(name)["compatible_actions"]:
            registry.set(name, actions=[action], limits=WIDE)
            break
    return Variant(
        "dialog.do_invite(request)",
        {"dialog": module.Dialog(), "request": Held()},
        before=lambda: registry.set(name, enabled=True),
        after=lambda: registry.set(name, enabled=False),
    )


def measure() -> list[Figure]:
    """Return a figure for each action, and one for a dump of many objects."""
    registry = Registry(EventBuffer(1))
    Plugins(registry).load(["monitors.actions"])
    bare: Any = fresh_module()
    variants = {"bare": Variant("dialog.do_invite(request)", {"dialog": bare.Dialog(), "request": Held()})}
    variants |= {action: variant_of(action) for action in actions_of(registry)}
    found = times(variants, CALLS, ROUNDS)
    costs = [Figure(f"{name}, a pass", round(over(found, name, "bare")), "ns") for name in variants if name != "bare"]
    return [*costs, Figure(f"one thread dump among {OBJECTS} objects", dump_ms(), "ms")]


def actions_of(registry: Registry) -> list[str]:
    """Return the names of all actions, in the order of the kinds."""
    pointcut = parse_pointcut("a.f")
    for name, location in (("S", "before"), ("A", "around")):
        registry.add(MonitorDefinition(name, "application", "custom", location, pointcut))  # type: ignore[arg-type]
    return [action for name in ("S", "A") for action in registry.get(name)["compatible_actions"]]


def dump_ms() -> float:
    """Return what finding all greenlets takes, the best of five."""
    kept = [[at] for at in range(OBJECTS)]
    took = []
    for _ in range(5):
        action, invocation = ThreadDumpAction(), _Dumping()
        began = perf_counter()
        action.run(invocation)  # type: ignore[arg-type]
        took.append(perf_counter() - began)
    del kept
    return round(min(took) * 1000, 2)


class _Dumping:
    """As much of an invocation as the dump looks at."""

    monitor = "M"

    @staticmethod
    def properties_as(model: Any) -> Any:
        return model()


if __name__ == "__main__":
    report(in_greenlet(measure))
