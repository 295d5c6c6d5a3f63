"""What a woven method costs over the bare one, in every state, and what others cost, in one run in a gevent greenlet.

Every woven variant is made by the product's registry, from a monitor with a dye mask. The limits are nanoseconds on a
machine where the bare call takes 21: each figure stands as it was measured, and as it would be there.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors.actions.count import CountAction
from monitors.actions.elapsed_time import ElapsedTimeAction
from tests.bench.figures import Figure, at_most, report
from tests.bench.weaving import kit, peers
from tests.bench.weaving.subjects import GeneralNoAction, NoAction, Request, fired, fresh_module, monitor_for
from weaver import context, function_version
from weaver.dye import mask_of
from weaver.monitor import Action, Location
from weaver.registry import Registry

CALLS, ROUNDS = 2_000, 301
REFERENCE = 21
"""Nanoseconds that the bare call takes where the limits were set."""

EMPTY, BARE = "empty loop", "bare call"
MISMATCH = "enabled, this message's dye does not match"
NEW = sys.version_info >= (3, 13)
PEERS = ("closure", "wrapt", "aspectlib", "ddtrace", "OpenTelemetry", "wrapture", "sys.monitoring")
MINE, OTHERS, NOBODYS = "DYE_0", "DYE_1", "DYE_2"


@dataclass
class State:
    """One state of a woven method.

    Units: ``limits`` nanoseconds over the bare call, for CPython 3.11 and 3.12, and for 3.13.
    """

    name: str
    dye: str
    action: Callable[[], Action]
    location: Location
    limits: tuple[float, float] | None
    matches: bool = False
    kind: Any = None
    registry: Registry | None = None

    def weave(self) -> kit.Variant:
        """Make the method and weave it."""
        module = fresh_module()
        self.kind = module.Dialog
        self.registry, name = monitor_for(module, self.action(), self.location)
        self.registry.set(name, dye_mask=[self.dye], enabled=True)
        return variant_of(self.kind, 1 if self.limits else 0.1)

    def check(self) -> None:
        """See that what was measured is what the name says."""
        assert self.registry is not None
        assert (fired(self.registry, "M") >= CALLS) is self.matches, self.name


def variant_of(kind: Any, share: float = 1) -> kit.Variant:
    return kit.Variant("dialog.do_invite(request)", {"dialog": kind(), "request": Request()}, share)


STATES = (
    State("enabled, no live message has the dye", NOBODYS, NoAction, "around", (5, 12)),
    State(MISMATCH, OTHERS, NoAction, "around", (16, 22)),
    State("match, before and after, no-op with arguments", MINE, NoAction, "around", (70, 90), True),
    State("match, counter", MINE, CountAction, "before", (40, 45), True),
    State("match, elapsed time", MINE, ElapsedTimeAction, "around", (170, 190), True),
    State("match, no-op action that gets an invocation", MINE, GeneralNoAction, "around", None, True),
)


def never_enabled() -> kit.Variant:
    module = fresh_module()
    original = module.Dialog.do_invite.__code__
    monitor_for(module, NoAction(), "around")
    assert module.Dialog.do_invite.__code__ is original
    return variant_of(module.Dialog)


def disabled_again() -> kit.Variant:
    """Enable, call and disable."""
    module = fresh_module()
    kind, request = module.Dialog, Request()
    original = kind.do_invite.__code__
    registry, name = monitor_for(module, NoAction(), "around")
    registry.set(name, dye_mask=[MINE], enabled=True)
    assert kind.do_invite.__code__ is not original
    for _ in range(200):
        kind().do_invite(request)
    assert fired(registry, name) == 200
    registry.set(name, enabled=False)
    assert kind.do_invite.__code__ is original
    return variant_of(kind)


def disabled_and_restored() -> kit.Variant:
    """Do the same where the function's version comes back, too."""
    variant = disabled_again()
    assert function_version.remember(type(variant.names["dialog"]).do_invite) is not None
    function_version.switch_off()
    return variant


def measure() -> tuple[dict[str, list[float]], list[str]]:
    others = context.DiagnosticContext(mask_of([OTHERS]), {})
    tokens = context.begin(mask_of([MINE]), {})
    variants = {
        EMPTY: kit.Variant("pass", {}),
        BARE: variant_of(fresh_module().Dialog),
        "never enabled": never_enabled(),
        "disabled after use": disabled_again(),
    }
    if function_version.switch_on() is None:
        variants |= {f"{state.name}, version restored": state.weave() for state in STATES[:2]}
        variants["disabled after use, version restored"] = disabled_and_restored()
    for state in STATES:
        variants[state.name] = state.weave()
    of_peers, missing = peers.variants()
    found = kit.times(variants | of_peers, CALLS, ROUNDS)
    for state in STATES:
        state.check()
    assert others.vector
    context.end(tokens)
    return found, missing


def main() -> None:
    found, missing = kit.in_greenlet(measure)
    limits: dict[str, tuple[float, float]] = {
        "never enabled": (1, 1),
        "disabled after use": (1, 6),
        "disabled after use, version restored": (2, 2),
        **{state.name: state.limits for state in STATES if state.limits is not None},
    }
    bare = kit.over(found, BARE, EMPTY)
    figures = [Figure(BARE, round(bare, 1), "ns")]
    for name in (name for name in found if name not in {EMPTY, BARE}):
        value = kit.over(found, name, BARE)
        figures.append(Figure(f"{name}, over bare", round(value, 1), "ns"))
        if name in limits:
            figures.append(
                at_most(f"  where bare is {REFERENCE} ns", value * REFERENCE / bare, "ns", limits[name][NEW])
            )
    ours = kit.over(found, MISMATCH, BARE)
    figures += [
        Figure(f"{name}, times our mismatch", round(kit.over(found, name, BARE) / ours, 1), "x")
        for name in found
        if name.startswith(PEERS)
    ]
    spread = statistics.quantiles(found[BARE], n=4)
    figures.append(Figure("bare call, spread of the middle half", round(spread[2] - spread[0], 1), "ns"))
    for reason in missing:
        print(f"not measured: {reason}", file=sys.stderr)
    report(figures)


if __name__ == "__main__":
    main()
