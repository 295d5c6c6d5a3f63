"""Runs every benchmark of this folder, one after another, and prints what falls short of the figure asked for.

Each ``bench_*.py`` runs by itself and prints a table; with ``--json`` it prints a list of ``{name, value, unit, reach,
holds}``. Arguments: parts of paths, to run only those. Exit code 1 when something falls short or does not run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MARKS = {True: "holds", False: "SHORT", None: ""}


def run(file: Path) -> list[dict[str, Any]] | None:
    """Return the figures of one benchmark, None when it failed."""
    done = subprocess.run(
        [sys.executable, str(file), "--json"], stdout=subprocess.PIPE, text=True, cwd=FOLDER.parents[1], check=False
    )
    if done.returncode not in {0, 1}:
        return None
    try:
        figures: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        return None
    return figures


def main(wanted: list[str]) -> int:
    """Run the benchmarks; return the exit code."""
    found = sorted(FOLDER.rglob("bench_*.py"))
    files = [file for file in found if not wanted or any(part in str(file.relative_to(FOLDER)) for part in wanted)]
    problems = [] if files else [f"no bench_*.py below {FOLDER.name}/ matches {wanted or 'anything'}"]
    for file in files:
        name = str(file.relative_to(FOLDER))
        print(f"\n== {name}", flush=True)
        figures = run(file)
        if figures is None:
            problems.append(f"{name} did not run to its end")
            continue
        for figure in figures:
            asked = "" if figure["reach"] is None else f"asked: {figure['reach']}"
            print(
                f"{figure['name']:<60} {figure['value']:>12} {figure['unit']:<12} {asked:<16} {MARKS[figure['holds']]}"
            )
            if figure["holds"] is False:
                problems.append(f"{name}: {figure['name']} is {figure['value']} {figure['unit']}, {asked}")
    print("\n" + ("falls short:\n" + "\n".join(problems) if problems else "every figure that was asked for holds"))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
