"""Numbers of any width in a database: a dye vector may have more bits than its integers.

What does not fit stands there as bytes (``columns.py``), with which SQL cannot reckon. So wherever a dye vector or a
bit beyond is asked for, these functions do it, by the same rules as ``predicate.py``.
"""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from weaver.columns import from_row, to_row

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
BITS: Mapping[str, Callable[[int, int], int]] = {"&": operator.and_, "|": operator.or_}

COMPARE = "weaver_compare"
"""Operator, two values -> whether it holds; the function that the connection must have."""
OF_BITS = {"&": "weaver_and", "|": "weaver_or"}
"""Two whole numbers -> one; likewise."""

SqlValue = int | float | str | bytes | None


def compare(sign: str, left: Any, right: Any) -> bool:
    """Compare two values; what is missing, or a text beside a number, compares with nothing."""
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    return COMPARISONS[sign](left, right)


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions."""
    for sign, name in OF_BITS.items():
        connection.create_function(name, 2, _of_bits(BITS[sign]), deterministic=True)
    connection.create_function(
        COMPARE, 3, lambda sign, left, right: compare(sign, from_row(left), from_row(right)), deterministic=True
    )


def _of_bits(reckon: Callable[[int, int], int]) -> Callable[[Any, Any], SqlValue]:
    def reckoned(left: Any, right: Any) -> SqlValue:
        return None if left is None or right is None else to_row(reckon(from_row(left), from_row(right)))

    return reckoned
