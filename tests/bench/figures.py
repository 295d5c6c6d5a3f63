"""The one form of a benchmark's result: a table, or with ``--json`` a list of figures."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


@dataclass(frozen=True)
class Figure:
    """One result; ``reach`` is the figure asked for as text, ``holds`` None where none was."""

    name: str
    value: float
    unit: str
    reach: str | None = None
    holds: bool | None = None


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """Return a figure that holds when it is not above a limit."""
    return Figure(name, round(value, 2), unit, f"<= {limit:g}", value <= limit)


def report(figures: list[Figure]) -> None:
    """Print the figures."""
    if "--json" in sys.argv:
        print(json.dumps([asdict(figure) for figure in figures]))
        return
    for figure in figures:
        print(f"{figure.name:<56} {figure.value:>10g} {figure.unit:<10} {figure.reach or ''}")
