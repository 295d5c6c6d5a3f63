"""What DyeInjection adds to a message at a dye point, over the same function without it.

Differences inside each round, medians over the rounds. The message is an INVITE that was parsed already. The general
form is what runs where the compiled one cannot (a monitor for some classes only); it is what every pass cost before.
The limits are for a machine where the bare call takes 21 ns: each figure stands as it was measured, and as it would be
there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors import common_flags, dye_rules, http_flags, sip_flags, throttle
from monitors.dye_injection import DyeInjectionAction
from monitors.message_facts import Facts
from server.sip.codec import parse_message
from server.transport.flow import Flow
from tests.bench.figures import Figure, at_most, report
from tests.bench.weaving import kit
from tests.server.sip.samples import INVITE
from tests.weaver.targets import Recording, make_module, monitor
from weaver.dye_names import NAMES
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

CALLS, ROUNDS = 500, 401
REFERENCE = 21
"""Nanoseconds that the bare call takes where the limits were set."""

SLOW = {"the four SIP properties": 0.1, "general form, no rule": 0.1}
"""Shares of the calls that others get: a turn must be far below a time slice."""

EMPTY, BARE = "empty loop", "bare call"
SOURCE = "def process_inbound(item, call):\n    return None\n"
FOUR = {
    "SIP_REQ": "BYE",
    "SIP_RES": "180",
    "SIP_REQURI": "sip:carol@example.com",
    "SIP_ANY_HEADER": r"request.Contact=sip:.*@10\..*",
}
ITEM = SimpleNamespace(message=parse_message(INVITE), flow=Flow("UDP", "127.0.0.1", 5060, "127.0.0.1", 5080))
CALL = SimpleNamespace(key="0123456789abcdef0123")


class Point:
    """A dye point of its own, with its own monitor and rules."""

    def __init__(self, number: int, properties: Mapping[str, str], **settings: Any) -> None:
        self.registry = Registry(EventBuffer(1))
        plugins = Plugins(self.registry)
        for module in (common_flags, sip_flags, http_flags, throttle, dye_rules):
            module.register(plugins)
        self.rules = plugins.rules
        self.registry.add_action(Recording())
        action = DyeInjectionAction(plugins.dye_flags, plugins.rules)
        name = f"bench_point_{number}"
        pointcut = parse_pointcut(f"execution(* {name}.process_inbound(..))")
        self.registry.add(
            MonitorDefinition(
                "D", "server", "standard", "around", pointcut, actions=(action.name,), action=action, precedence=0
            )
        )
        self.module = make_module(SOURCE, name)
        self.registry.on_module(self.module)
        self.registry.set("D", enabled=True, properties=properties, **settings)

    def watch(self, *mask: str) -> None:
        """Have another monitor at the same point, for messages with these dyes."""
        self.registry.add(monitor("Other", str(self.registry._monitors["D"].definition.pointcut)))
        self.registry.set("Other", enabled=True, actions=["Recording"], dye_mask=list(mask))

    def variant(self, share: float) -> kit.Variant:
        """Return a message that passes it."""
        names = {"point": self.module.process_inbound, "item": ITEM, "call": CALL}
        return kit.Variant("point(item, call)", names, share)


def points() -> dict[str, Point]:
    made = {
        "no rule": Point(1, {}),
        "an exact rule": Point(2, {}),
        "100 exact rules": Point(3, {}),
        "rules for six attributes": Point(4, {}),
        "the four SIP properties": Point(5, FOUR),
        "a monitor that is dyed at the same point": Point(6, {}),
        "general form, no rule": Point(7, {}, includes=["bench_point_7"]),
        "an exact rule, a vector of 1024": Point(8, {}),
    }
    made["an exact rule"].rules.add("caller", "sip:nobody@example.com", "SHARED")
    for number in range(100):
        made["100 exact rules"].rules.add("caller", f"sip:user{number}@example.com", "SHARED")
    six = made["rules for six attributes"].rules
    for kind, value in (
        ("caller", "sip:n@x"), ("callee", "sip:n@x"), ("call-id", "n"), ("uri", "sip:n@x"), ("header", "X-N=n"),
        ("address", "192.0.2.1"),
    ):  # fmt: skip
        six.add(kind, value, "SHARED")
    made["a monitor that is dyed at the same point"].watch("SIP_RES")
    made["the four SIP properties"].watch("SIP_ANY_HEADER", "SIP_RES")
    NAMES.widen(1_024)
    made["an exact rule, a vector of 1024"].rules.add("caller", "sip:nobody@example.com", "WIDE")
    return made


def measure() -> dict[str, list[float]]:
    plain = make_module(SOURCE, "bench_point_0")
    names = {"point": plain.process_inbound, "item": ITEM, "call": CALL}
    found = {EMPTY: kit.Variant("pass", names), BARE: kit.Variant("point(item, call)", names)}
    return kit.times(
        found | {name: point.variant(SLOW.get(name, 1.0)) for name, point in points().items()}, CALLS, ROUNDS
    )


def hostile() -> float:
    """Return the milliseconds of a pattern that a backtracking engine would never end, on a header that is too long."""
    test = sip_flags.any_header("request.Contact=(a+)+$")
    headers = SimpleNamespace(get_all=lambda name: ("a" * 100_000 + "!",))
    facts = Facts(SimpleNamespace(method="INVITE", headers=headers))
    taken = []
    for _ in range(200):
        began = perf_counter_ns()
        test(facts)
        taken.append(perf_counter_ns() - began)
    return median(taken) / 1e6


LIMITS = {"no rule": 300.0, "an exact rule": 600.0, "100 exact rules": 600.0, "the four SIP properties": 5_000.0}


def main() -> None:
    found = kit.in_greenlet(measure)
    bare = kit.over(found, BARE, EMPTY)
    figures = [Figure(BARE, round(bare, 1), "ns")]
    for name in (one for one in found if one not in {EMPTY, BARE}):
        taken = kit.over(found, name, BARE)
        figures.append(Figure(f"DyeInjection: {name}", round(taken), "ns"))
        if name in LIMITS:
            figures.append(at_most(f"  where bare is {REFERENCE} ns", taken * REFERENCE / bare, "ns", LIMITS[name]))
    figures.append(at_most("a hostile header", hostile(), "ms", 2.0))
    report(figures)


if __name__ == "__main__":
    main()
