"""``docs/queries.md``: its examples are read, its table of columns is whole."""

import re
from pathlib import Path

import pytest

from weaver.columns import COLUMNS
from weaver.dye import BITS
from weaver.query.parser import parse_query
from weaver.query.tokens import KEYWORDS

PAGE = (Path(__file__).parents[3] / "docs" / "queries.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in PAGE.splitlines() if line[:3] == "| `"
]
CELLS = [cell for row in ROWS for cell in re.findall(r"`([^`]+)`", row[-1]) if " " in cell and cell[0].isupper()]
SHELL = re.findall(r'^weaver .*?"(\w.*)"  ', PAGE, re.MULTILINE)


def test_table_has_every_column_with_its_other_name() -> None:
    shown = {row[0].strip("`"): row[1].strip("`") for row in ROWS if row[0].strip("`") in {one.name for one in COLUMNS}}

    assert shown == {one.name: "" if one.variable == one.name else one.variable for one in COLUMNS}


def test_page_tells_every_keyword() -> None:
    assert [word for word in KEYWORDS if f"`{word}`" not in PAGE] == []


@pytest.mark.parametrize("query", [*CELLS, *SHELL])
def test_example_is_a_query(query: str) -> None:
    parse_query(query.replace("\\|", "|"), BITS)


def test_there_are_examples() -> None:
    assert len(CELLS) >= 6
    assert len(SHELL) == 4
