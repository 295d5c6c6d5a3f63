"""What bounds and marks cost: an action under the guard against hanging, a mark of look back, a dye point with one.

Differences inside each round, medians over the rounds. No figures were asked for; they stand in ARCHITECTURE.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors.look_back import CallMarksAction
from tests.bench.figures import Figure, report
from tests.bench.weaving import kit
from tests.weaver.targets import make_module
from weaver.event import EventBuffer
from weaver.gevent_support import current_task, interrupt
from weaver.hanging import HangGuard
from weaver.limits import DEFAULT, Allowance
from weaver.look_back import LookBack, mark
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.redaction import hide_secrets
from weaver.registry import Registry

CALLS, ROUNDS = 2_000, 200
SOURCE = """
def process_inbound(item, call):
    return None
def send_outbound(message, flow, transports):
    return None
"""
ITEM = SimpleNamespace(message=SimpleNamespace(status=180), kind="message")
CALL = SimpleNamespace(key="0123456789abcdef0123")
FAR = 1 << 62


def action(invocation: object) -> None:
    """Do nothing."""


def woven(look_back: LookBack) -> kit.Variant:
    """Return a message that enters and leaves, marked each time."""
    registry, module = Registry(EventBuffer(1)), make_module(SOURCE, "bench_marks")
    made = CallMarksAction(look_back)
    pointcut = parse_pointcut("execution(* bench_marks.*(..))")
    registry.add(MonitorDefinition("M", "server", "standard", "around", pointcut, actions=(made.name,), action=made))
    registry.on_module(module)
    registry.set("M", enabled=True)
    return both(module)


def both(module: object) -> kit.Variant:
    """Return a message that enters and leaves."""
    names = {"enter": module.process_inbound, "leave": module.send_outbound, "item": ITEM, "call": CALL}  # type: ignore[attr-defined]
    return kit.Variant("enter(item, call); leave(item.message, None, None)", names)


def measure(guard: HangGuard) -> dict[str, list[float]]:
    """Return the times of all variants."""
    look_back = LookBack()
    look_back.begin(CALL.key)
    allowance = Allowance(DEFAULT, lambda _reason: None)
    text = "REGISTER sip:example.com SIP/2.0"
    variants = {
        "nothing": kit.Variant("None", {}),
        "an action": kit.Variant("action(None)", {"action": action}),
        "guarded": kit.Variant("run(action, None, far)", {"run": guard.run, "action": action, "far": FAR}),
        "allowance": kit.Variant("spend(0, 5)", {"spend": allowance.spend}),
        "mark": kit.Variant("mark('in', 180)", {"mark": mark}),
        "text": kit.Variant("hide(text)", {"hide": hide_secrets, "text": text}),
        "plain": both(make_module(SOURCE, "bench_plain")),
        "marked": woven(look_back),
    }
    return kit.times(variants, CALLS, ROUNDS)


def main() -> None:
    """Measure and report."""
    guard = HangGuard()
    reason = guard.start(current_task, interrupt)
    if reason:
        sys.exit(reason)
    try:
        found = kit.in_greenlet(lambda: measure(guard))
    finally:
        guard.stop()
    rows = (
        ("an action more under the guard against hanging", "guarded", "an action"),
        ("its time counted against its monitor's", "allowance", "nothing"),
        ("mark() in a call that has a ring", "mark", "nothing"),
        ("secrets looked for in a text of 32 characters", "text", "nothing"),
        ("a message that enters and leaves more with CallMarks", "marked", "plain"),
    )
    report([Figure(title, round(kit.over(found, name, base), 1), "ns") for title, name, base in rows])


if __name__ == "__main__":
    main()
