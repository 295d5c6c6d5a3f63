"""The two public APIs: what they export is what their documentation lists, each with words of its own."""

import importlib
import re
from pathlib import Path

import pytest

from docs.generate import APIS
from docs.sources import public

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", APIS)
def test_every_public_name_is_documented_and_nothing_else_is(name: str) -> None:
    module = importlib.import_module(name)
    section = PAGE.partition(f"`{name}`")[2].partition("\n## ")[0]

    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))

    assert list(rows) == list(module.__all__)
    assert [one for one, text in rows.items() if len(text) < 5] == []


@pytest.mark.parametrize("name", APIS)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)

    said = public(module)

    assert list(said) == list(dict.fromkeys(module.__all__))
    assert all(hasattr(module, one) for one in said)
    assert [one for one, text in said.items() if not text] == []


@pytest.mark.parametrize("name", APIS)
def test_nothing_is_public_by_accident(name: str) -> None:
    module = importlib.import_module(name)

    others = {one for one in vars(module) if not one.startswith("_")} - set(module.__all__) - {"annotations"}

    assert {one for one in others if not isinstance(vars(module)[one], type(importlib))} == set()
