"""CPU of one B2BUA call, without sockets: DyeInjection off, on without a rule, with a rule, and with one call dyed.

All in turn in each round, ratios inside a round, medians over the rounds. With a rule the monitors are on for its dye;
it is for a call that does not come, so what was measured is what the undyed pay. The one call of a hundred that is dyed
is traced at each servlet and at each message that leaves.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import sys
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parents[3]))

import gc

from tests.bench.figures import Figure, at_most, report
from tests.bench.sip import bench_turn
from tests.scenarios.woven import weaving
from weaver.run import Weaver

CALLS, ROUNDS = 100, 25
WATCHING = ("Sip_Servlet_Before_Service", "Sip_Servlet_Before_Message_Send_Internal")
MONITORS = "[monitors.DyeInjection]\nenabled = false\n" + "".join(
    f'[monitors.{name}]\nactions = ["TraceAction"]\n' for name in WATCHING
)
PLAIN, IDLE = "no DyeInjection", "DyeInjection, no rule"
RULED, DYED = "a rule, nobody dyed", "one call of a hundred dyed and traced"


def prepare(weaver: Weaver, state: str, first: int) -> None:
    """Bring the weaver into a state, for calls from a number on."""
    weaver.registry.rules.clear()
    watched = state in {RULED, DYED}
    if watched:
        weaver.registry.rules.add("call-id", f"{first}-bench@127.0.0.1" if state == DYED else "nobody", "ONE")
    for name in WATCHING:
        weaver.registry.set(name, enabled=watched, **({"dye_mask": ["ONE"]} if watched else {}))
    weaver.registry.set("DyeInjection", enabled=state != PLAIN)


def measure(weaver: Weaver) -> dict[str, list[float]]:
    node, wire = bench_turn.start()
    taken: dict[str, list[float]] = {PLAIN: [], IDLE: [], RULED: [], DYED: []}
    first = 0
    for number in range(ROUNDS + 1):
        for state, found in taken.items():
            prepare(weaver, state, first)
            gc.collect()
            before = process_time_ns()
            bench_turn.play(node, wire, first, CALLS)
            if number:
                found.append((process_time_ns() - before) / CALLS / 1_000)
            first += CALLS
    node.stop(0)
    return taken


def main() -> None:
    with TemporaryDirectory() as folder, weaving(Path(folder), MONITORS) as weaver:
        taken = measure(weaver)
        emitted = sum(weaver.registry.get(name)["counters"]["emitted"] for name in WATCHING)
    figures = [Figure(f"CPU a call: {state}", round(median(found), 1), "us") for state, found in taken.items()]
    for state in (IDLE, DYED):
        ratio = median(one / other for one, other in zip(taken[state], taken[PLAIN], strict=True))
        figures.append(Figure(f"{state}, times {PLAIN}", round(ratio, 3), "x"))
    ratios = [one / other for one, other in zip(taken[RULED], taken[IDLE], strict=True)]
    low, middle, high = quantiles(ratios, n=4)
    figures.append(at_most(f"{RULED}, times {IDLE}", middle, "x", 1.02))
    figures.append(Figure("  the middle half of the pairs, from", round(low, 3), "x"))
    figures.append(Figure("  to", round(high, 3), "x"))
    report([*figures, Figure("events of a dyed call", emitted / (ROUNDS + 1), "")])


if __name__ == "__main__":
    main()
