"""CPU of the server's process for a call between two SIPp, beside peers at the same rate in the same round.

A B2BUA call beside sippy and aiosipua, and beside a bare B2BUA on gevent as the floor; a proxied call beside Kamailio.
The subjects take turns, and each ratio is taken inside a round; the median of the rounds counts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report
from tests.bench.sip import subjects
from tests.bench.sip.load import Load, run
from tests.bench.sip.subjects import Subject

ROUNDS = 3


@dataclass(frozen=True)
class Comparison:
    """What is measured at a rate: the first subject is this server; ``limits`` are for its ratio to others."""

    what: str
    rate: int
    calls: int
    subjects: tuple[Subject, ...]
    limits: Mapping[str, float]


COMPARISONS = (
    Comparison(
        "a B2BUA call", 100, 1000, (subjects.here(), subjects.sippy(), subjects.aiosipua()),
        {"sippy": 0.4, "aiosipua": 0.6},
    ),
    Comparison("a B2BUA call", 600, 3000, (subjects.here(), subjects.bare()), {"bare gevent": 2.5}),
    Comparison("a proxied call", 600, 3000, (subjects.here_as_proxy(), subjects.kamailio()), {}),
)  # fmt: skip


def measure(comparison: Comparison) -> dict[str, list[Load]]:
    """Return the rounds of each subject."""
    found: dict[str, list[Load]] = {}
    here, *peers = comparison.subjects
    for _ in range(ROUNDS):
        for subject in (here, *subjects.installed(*peers)):
            found.setdefault(subject.name, []).append(run(subject, comparison.rate, comparison.calls))
    return found


def figures(comparison: Comparison) -> list[Figure]:
    """Return what calls cost each subject, what went wrong, and the ratios."""
    found = measure(comparison)
    at = f"{comparison.what} at {comparison.rate}/s"
    ours = found["here"]
    made = []
    for name, loads in found.items():
        made.append(Figure(f"CPU {at}, {name}", round(median(load.cpu_us for load in loads), 1), "us"))
        wrong = sum(load.failed + load.retransmissions for load in loads)
        if wrong:
            made.append(Figure(f"failed or repeated of {ROUNDS * comparison.calls}, {name}", wrong, "calls"))
    for name, loads in found.items():
        if name == "here":
            continue
        ratio = median(mine.cpu_us / theirs.cpu_us for mine, theirs in zip(ours, loads, strict=True))
        made.append(_judged(f"here / {name}, {at}", ratio, comparison.limits.get(name), [*ours, *loads]))
    return made


def _judged(title: str, ratio: float, limit: float | None, loads: list[Load]) -> Figure:
    """Return a ratio; one of calls that were not all taken at their rate says nothing, and holds no limit."""
    if limit is not None and not all(load.is_sustained for load in loads):
        return Figure(title, round(ratio, 3), "ratio", f"<= {limit:g}, at a rate that is sustained", holds=False)
    return Figure(title, round(ratio, 3), "ratio") if limit is None else at_most(title, ratio, "ratio", limit)


def main() -> None:
    report([figure for comparison in COMPARISONS for figure in figures(comparison)])


if __name__ == "__main__":
    main()
