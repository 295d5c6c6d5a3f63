"""The highest rate of B2BUA calls between two SIPp, the time from INVITE to 200 at half of it, and Kamailio at it.

A rate is sustained when less than one call in a thousand fails or needs a retransmission. The rate grows until it is
not, a miss counting only when it comes twice, and is then halved in between. The callee's own time is in the latencies.
Kamailio is a stateful proxy, with the allocator that it comes with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report
from tests.bench.sip import subjects
from tests.bench.sip.load import run
from tests.bench.sip.subjects import Subject

FIRST, LAST, GROWTH, HALVINGS, SECONDS = 400, 6000, 1.5, 3, 4
PROBES, ROUNDS = 50, 3
LIMIT_MS = 10.0


def keeps_up(subject: Subject, rate: float) -> bool:
    """Say whether a subject sustains a rate, at the second try at the latest."""
    return any(run(subject, int(rate), int(rate * SECONDS)).is_sustained for _ in range(2))


def highest_rate(subject: Subject) -> int:
    """Return the highest rate that was sustained, 0 if none was."""
    good, bad = 0.0, float(FIRST)
    while bad <= LAST and keeps_up(subject, bad):
        good, bad = bad, bad * GROWTH
    if good and bad <= LAST:
        for _ in range(HALVINGS):
            middle = (good + bad) / 2
            good, bad = (middle, bad) if keeps_up(subject, middle) else (good, middle)
    return int(good)


def cpu_beside(rate: int) -> list[Figure]:
    """Return the CPU of a call here and with Kamailio at a rate, if Kamailio is there."""
    here, *peers = (subjects.here(), *subjects.installed(subjects.kamailio()))
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for subject in (here, *peers):
            found.setdefault(subject.name, []).append(run(subject, rate, rate * SECONDS).cpu_us)
    made = [Figure(f"CPU a call at {rate}/s, {name}", round(median(cpu), 1), "us") for name, cpu in found.items()]
    for peer in peers:
        pairs = zip(found["here"], found[peer.name], strict=True)
        ratio = round(median(mine / theirs for mine, theirs in pairs), 3)
        made.append(Figure(f"B2BUA here / proxy {peer.name} at {rate}/s", ratio, "ratio", "mark: <= 1"))
    return made


def main() -> None:
    rate = highest_rate(subjects.here())
    if not rate:
        raise SystemExit(f"not even {FIRST} calls a second were sustained")
    half = rate // 2
    latencies = [one for _ in range(ROUNDS) for one in run(subjects.here(), half, half * 8, PROBES).latencies_ms]
    cuts = quantiles(latencies, n=100)
    report(
        [
            Figure("highest sustained rate of B2BUA calls, one core", rate, "calls/s"),
            Figure(f"p50 of INVITE to 200 at {half}/s, {len(latencies)} calls", round(cuts[49], 2), "ms"),
            at_most(f"p99 of INVITE to 200 at {half}/s", cuts[98], "ms", LIMIT_MS),
            *cpu_beside(rate),
        ]
    )


if __name__ == "__main__":
    main()
