"""``docs/pointcuts.md``: its examples are read and select what they should in a small program, its tables are whole."""

import re
from pathlib import Path

import pytest

from weaver.offline.files import find_sources
from weaver.offline.scan import SourceShadow, scan
from weaver.pointcut.lint import CODES
from weaver.pointcut.needs import ALL_KINDS
from weaver.pointcut.parser import DESIGNATORS, parse_pointcut
from weaver.pointcut.selection import select

PAGE = (Path(__file__).parents[3] / "docs" / "pointcuts.md").read_text(encoding="utf-8")
CART = """
from shop.stock import Stock, retry

class Cart:
    def __init__(self, stock: Stock):
        self.total = 0
        self.stock = stock

    @retry
    def add(self, item: str, count: int) -> bool:
        try:
            Stock.reserve(self.stock, item, count)
        except KeyError:
            return False
        Cart.total = Cart.total + 1
        return True

    def remove(self, item):
        return lambda: item

class Gifts(Cart):
    def add_all(self): ...
"""
STOCK = """
def retry(function): return function

class Stock:
    def reserve(self, item: str, count: int): ...
"""
EXAMPLES = [row[-1] for row in re.findall(r"^\| `([^`]+)` \|(.*)\| `([^`]+)` \|$", PAGE, re.MULTILINE)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> list[SourceShadow]:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    folder.mkdir()
    for name, text in (("__init__", ""), ("cart", CART), ("stock", STOCK)):
        (folder / f"{name}.py").write_text(text)
    return scan(find_sources(str(folder)), sorted(ALL_KINDS)).shadows


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_of_a_table_selects_something(example: str, shop: list[SourceShadow]) -> None:
    selected = select(parse_pointcut(example), shop)

    assert 0 < len(selected) < len(shop)


def test_every_designator_has_an_example() -> None:
    assert {word for example in EXAMPLES for word in re.findall(r"(\w+)\(", example)} >= set(DESIGNATORS)


def test_texts_outside_of_the_tables_are_read(shop: list[SourceShadow]) -> None:
    texts = [*re.findall(r"'([^']+)'", PAGE), *re.findall(r"^execution.*$", PAGE, re.MULTILINE)]
    texts += re.findall(r"`(execution\(public[^`]*)`", PAGE) + re.findall(r"`(call\([^`]*)`", PAGE)

    assert len(texts) > 6
    assert [str(parse_pointcut(text)) for text in texts]


def test_every_remark_is_described() -> None:
    assert set(re.findall(r"^\| `([a-z]+-[a-z-]+|alias|generator)` \|", PAGE, re.MULTILINE)) == set(CODES)
