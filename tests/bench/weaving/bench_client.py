"""How long the ``weaver`` client takes to start."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report

ROOT = Path(__file__).parents[3]
ROUNDS = 15


def start(*arguments: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return (perf_counter() - began) * 1e3


def main() -> None:
    client: list[float] = []
    python: list[float] = []
    for _ in range(ROUNDS):
        python.append(start("-c", "pass"))
        client.append(start("-m", "weaver", "--help"))
    added = statistics.median(one - other for one, other in zip(client, python, strict=True))
    report(
        [
            at_most("client start, weaver --help", statistics.median(client), "ms", 150),
            Figure("of that Python itself", round(statistics.median(python), 1), "ms"),
            Figure("client over Python itself", round(added, 1), "ms"),
        ]
    )


if __name__ == "__main__":
    main()
