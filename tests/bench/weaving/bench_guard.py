"""What a woven method costs over the bare one: never enabled, disabled again, gate shut, mismatch, matched no-op.

Medians of paired rounds in one run; in the main greenlet's context.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report
from weaver import context
from weaver.dye import SPACE
from weaver.weaving import Advice, Guard, weave

CALLS, ROUNDS = 100_000, 31


class Servlet:
    state = 0

    def do_invite(self, request: str) -> str:
        self.state = len(request)
        return request


def loop(servlet: Servlet) -> int:
    began = perf_counter_ns()
    for _ in range(CALLS):
        servlet.do_invite("INVITE")
    return perf_counter_ns() - began


def classes() -> dict[str, type[Servlet]]:
    """A class of its own for each state, so that no call site is shared by code."""

    def advice(guard: Guard | None) -> Advice:
        return Advice(lambda *_: None, lambda _, value: value, lambda *_: None, guard)

    mask = 1 << 60
    slot, gate = SPACE.slot_of(mask)
    shut_slot, shut = SPACE.slot_of(1 << 59)
    code = Servlet.do_invite.__code__
    guard, shut_guard = (Guard(g, context.current_dyes.get, s) for g, s in ((gate, slot), (shut, shut_slot)))
    made: dict[str, type[Servlet]] = {}
    for name in ("bare", "disabled again", "enabled, no live dye", "enabled, mismatch", "matched, no-op advice"):
        made[name] = type("Servlet", (Servlet,), {"do_invite": fresh()})
    made["disabled again"].do_invite.__code__ = weave(code, advice(guard))
    made["disabled again"].do_invite.__code__ = code
    made["enabled, no live dye"].do_invite.__code__ = weave(code, advice(shut_guard))
    made["enabled, mismatch"].do_invite.__code__ = weave(code, advice(guard))
    made["matched, no-op advice"].do_invite.__code__ = weave(code, advice(None))
    return made


def fresh() -> Callable[[Servlet, str], str]:
    function = Servlet.do_invite
    return type(function)(function.__code__, function.__globals__, function.__name__)


def main() -> None:
    made = classes()
    alive = SPACE.intern(1 << 60)
    token = context.current_dyes.set(SPACE.intern(0))
    loops = {name: type(loop)(loop.__code__.replace(), loop.__globals__) for name in made}
    rounds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(ROUNDS):
        times = {name: loops[name](kind()) / CALLS for name, kind in made.items()}
        for name, value in times.items():
            rounds[name].append(value - times["bare"] if name != "bare" else value)
    context.current_dyes.reset(token)
    assert alive.vector
    new = sys.version_info >= (3, 13)
    median = {name: statistics.median(values) for name, values in rounds.items()}
    reach = {
        "disabled again": 6 if new else 1,
        "enabled, no live dye": 12 if new else 5,
        "enabled, mismatch": 22 if new else 16,
    }
    figures = [Figure("bare call", round(median.pop("bare"), 1), "ns")]
    for name, value in median.items():
        over = f"{name}, over bare"
        figures.append(
            at_most(over, value, "ns", reach[name]) if name in reach else Figure(over, round(value, 1), "ns")
        )
    report(figures)


if __name__ == "__main__":
    main()
