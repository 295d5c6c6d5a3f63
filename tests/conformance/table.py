"""The conformance table: the rows of ``rows.tsv`` with the tests that carry their ids in their names.

A test of row X5 is called ``test_x5_...``, one of two rows ``test_x1_x2_...``. A row without a test is not held; one
whose last column says what is missing is held partly.
"""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
TESTS = HERE.parent
_IDS = re.compile(r"test((?:_[gtxdrps]\d{1,2}(?=_))+)_", re.IGNORECASE)


STATES = ("held", "partly", "not")


class Row(NamedTuple):
    """One behaviour; ``source`` are RFC numbers and sections, ``tests`` the files that have tests of it."""

    id: str
    source: str
    behaviour: str
    mark: str
    missing: str
    tests: tuple[str, ...]

    @property
    def state(self) -> str:
        """One of ``STATES``."""
        return "not" if not self.tests else "partly" if self.missing else "held"


def ids_in(name: str) -> list[str]:
    """Return the rows that the name of a test speaks of."""
    found = _IDS.match(name)
    return [] if found is None else [part.upper() for part in found[1].split("_")[1:]]


def files_by_row() -> dict[str, set[str]]:
    """Return row id -> files with tests of it, read from the sources."""
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for row in ids_in(node.name):
                    found.setdefault(row, set()).add(str(path.relative_to(TESTS.parent)))
    return found


def rows() -> list[Row]:
    """Return every row of the list."""
    tests = files_by_row()
    with (HERE / "rows.tsv").open(encoding="utf-8", newline="") as lines:
        listed = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Row(**line, tests=tuple(sorted(tests.get(line["id"], ())))) for line in listed]
