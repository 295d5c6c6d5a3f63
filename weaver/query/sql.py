"""A query compiled to SQL with parameters: no text of the query comes into the statement, only names of our columns.

SQL reckons itself but for dye vectors and the bits beyond its integers: ``wide.py``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any as Anything

from weaver.query.dyes import bit_in_row
from weaver.query.nodes import All, Among, Any, AnyBit, Bits, Compare, Condition, Literal, Match, Not, Value, Variable
from weaver.query.patterns import COMPILERS, Test
from weaver.query.wide import COMPARE, OF_BITS, add_functions

MATCHES = "weaver_matches"
"""A function of the connection: text, number of the pattern -> whether it matches."""
DYE = "weaver_dye"
"""Another one: payload, vector, name of a dye -> its bit there."""


@dataclass(slots=True)
class Sql:
    """A condition for WHERE, as far as it is written.

    Shape: ``parameters`` in the order of the question marks; ``tests`` are the patterns, by number.
    """

    text: str = ""
    parameters: list[str | int | float] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)

    def matches(self, value: object, number: int) -> bool:
        """Say whether a value matches the pattern of a number."""
        return isinstance(value, str) and self.tests[number](value)

    def serve(self, connection: sqlite3.Connection) -> None:
        """Give a connection the functions that the text calls."""
        connection.create_function(MATCHES, 2, self.matches, deterministic=True)
        connection.create_function(DYE, 3, bit_in_row, deterministic=True)
        add_functions(connection)

    def bound(self, value: str | float) -> str:
        """Add a parameter; return what stands for it."""
        self.parameters.append(value)
        return "?"


def compile_sql(condition: Condition) -> Sql:
    """Return a query as SQL over the archive's table."""
    sql = Sql()
    sql.text = _condition(sql, condition)
    return sql


def _condition(sql: Sql, node: Condition) -> str:
    return _COMPILE[type(node)](sql, node)


def _all(sql: Sql, node: All) -> str:
    return f"({' AND '.join(_condition(sql, part) for part in node.parts)})"


def _any(sql: Sql, node: Any) -> str:
    return f"({' OR '.join(_condition(sql, part) for part in node.parts)})"


def _not(sql: Sql, node: Not) -> str:
    return f"(NOT {_condition(sql, node.part)})"


def _any_bit(sql: Sql, node: AnyBit) -> str:
    return f"({_value(sql, node.bits)} != 0)"


def _compare(sql: Sql, node: Compare) -> str:
    if _is_wide(node.left) or _is_wide(node.right):
        return f"{COMPARE}({sql.bound(node.operator)}, {_value(sql, node.left)}, {_value(sql, node.right)})"
    guard = ""
    if "any" in {node.left.kind, node.right.kind}:
        guard = f"{_is_text(sql, node.left)} = {_is_text(sql, node.right)} AND "
    return f"ifnull({guard}{_value(sql, node.left)} {node.operator} {_value(sql, node.right)}, 0)"


def _match(sql: Sql, node: Match) -> str:
    value = _value(sql, node.value)
    sql.tests.append(COMPILERS[node.operator](node.pattern))
    return f"{MATCHES}({value}, {sql.bound(len(sql.tests) - 1)})"


def _among(sql: Sql, node: Among) -> str:
    if any(map(_is_wide, (node.value, *node.choices))):
        return f"({' OR '.join(_compare(sql, Compare('=', node.value, choice)) for choice in node.choices)})"
    guard = f"{_is_text(sql, node.value)} = {_is_text(sql, node.choices[0])} AND " if node.value.kind == "any" else ""
    value = _value(sql, node.value)
    return f"ifnull({guard}{value} IN ({', '.join(_value(sql, choice) for choice in node.choices)}), 0)"


_COMPILE: Mapping[type, Callable[[Sql, Anything], str]] = {
    All: _all,
    Any: _any,
    Not: _not,
    AnyBit: _any_bit,
    Compare: _compare,
    Match: _match,
    Among: _among,
}


def _is_wide(value: Value) -> bool:
    """Say whether a value may be a number that SQL does not have."""
    if isinstance(value, Bits):
        return _is_wide(value.left) or _is_wide(value.right)
    if isinstance(value, Literal):
        return value.is_named_dye
    return value.key is None and value.column.kind == "dyes"


def _is_text(sql: Sql, value: Value) -> str:
    if value.kind != "any":
        return str(int(value.kind == "text"))
    return f"(typeof({_value(sql, value)}) = 'text')"


def _value(sql: Sql, value: Value) -> str:
    if isinstance(value, Literal):
        return f"{DYE}(PAYLOAD, DYES, {sql.bound(value.name)})" if value.is_named_dye else sql.bound(value.value)
    if isinstance(value, Bits):
        return _bits(sql, value)
    return value.column.name if value.key is None else _entry(sql, value)


def _bits(sql: Sql, bits: Bits) -> str:
    name = OF_BITS[bits.operator]
    if not _is_wide(bits):
        return f"({_value(sql, bits.left)} {bits.operator} {_value(sql, bits.right)})"
    if bits.operator == "&" and isinstance(bits.left, Variable) and not _is_wide(bits.right):
        column = bits.left.column.name  # the usual case: the function is called for wide vectors only
        both = (f"{column} & {_value(sql, bits.right)}", f"{name}({column}, {_value(sql, bits.right)})")
        return f"(CASE typeof({column}) WHEN 'integer' THEN {both[0]} ELSE {both[1]} END)"
    return f"{name}({_value(sql, bits.left)}, {_value(sql, bits.right)})"


def _entry(sql: Sql, variable: Variable) -> str:
    """Read an entry of a table: a text or a number, nothing else."""
    path = f'$."{variable.key}"'  # letters, digits, '_', '-' and '.', as the language has it
    column = variable.column.name
    kind, found = (f"{name}({column}, {sql.bound(path)})" for name in ("json_type", "json_extract"))
    return f"CASE WHEN {kind} IN ('text', 'integer', 'real', 'true', 'false') THEN {found} END"
