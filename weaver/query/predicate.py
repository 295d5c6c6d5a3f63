"""A query compiled to a function of an event, for the ring and for what is live; it gives what the archive would."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any as Anything

from weaver.columns import Column, as_json
from weaver.event import Event
from weaver.query.dyes import bit_in_event
from weaver.query.nodes import All, Among, Any, AnyBit, Bits, Compare, Condition, Literal, Match, Not, Value, Variable
from weaver.query.patterns import COMPILERS
from weaver.query.wide import BITS, COMPARISONS

Predicate = Callable[[Event], bool]
_Read = Callable[[Event], Anything]


def compile_predicate(condition: Condition) -> Predicate:
    """Return the function that says whether an event is one that a query asks for; it never raises."""
    return _COMPILE[type(condition)](condition)


def _all(node: All) -> Predicate:
    parts = [compile_predicate(part) for part in node.parts]
    return lambda event: all(part(event) for part in parts)


def _any(node: Any) -> Predicate:
    parts = [compile_predicate(part) for part in node.parts]
    return lambda event: any(part(event) for part in parts)


def _not(node: Not) -> Predicate:
    part = compile_predicate(node.part)
    return lambda event: not part(event)


def _any_bit(node: AnyBit) -> Predicate:
    read = _reader(node.bits)
    return lambda event: read(event) != 0


def _compare(node: Compare) -> Predicate:
    left, right, compare = _reader(node.left), _reader(node.right), COMPARISONS[node.operator]
    mixed = "any" in {node.left.kind, node.right.kind}

    def holds(event: Event) -> bool:
        one, other = left(event), right(event)
        if one is None or other is None or (mixed and isinstance(one, str) != isinstance(other, str)):
            return False
        return compare(one, other)

    return holds


def _match(node: Match) -> Predicate:
    read, test = _reader(node.value), COMPILERS[node.operator](node.pattern)

    def holds(event: Event) -> bool:
        value = read(event)
        return isinstance(value, str) and test(value)

    return holds


def _among(node: Among) -> Predicate:
    read, choices = _reader(node.value), frozenset(one.value for one in node.choices if not one.is_named_dye)
    dyes = [_reader(one) for one in node.choices if one.is_named_dye]

    def holds(event: Event) -> bool:
        value = read(event)
        return value in choices or any(value == dye(event) for dye in dyes)

    return holds


_COMPILE: Mapping[type, Callable[[Anything], Predicate]] = {
    All: _all,
    Any: _any,
    Not: _not,
    AnyBit: _any_bit,
    Compare: _compare,
    Match: _match,
    Among: _among,
}


def _reader(value: Value) -> _Read:
    """Return the function that reads a value from an event."""
    if isinstance(value, Literal):
        constant, name = value.value, value.name
        if value.is_named_dye:
            return lambda event: bit_in_event(event, name)
        return lambda _event: constant
    if isinstance(value, Bits):
        left, right = _reader(value.left), _reader(value.right)
        reckon = BITS[value.operator]
        return lambda event: reckon(left(event), right(event))
    return _entry(value) if value.key is not None else _column(value.column)


def _column(column: Column) -> _Read:
    get = operator.attrgetter(column.field)
    if column.kind == "json":
        return lambda event: _text(get(event))
    return get


def _text(value: object) -> str | None:
    try:
        return as_json(value)
    except (TypeError, ValueError, RecursionError):
        return None  # such an event does not come into the archive


def _entry(variable: Variable) -> _Read:
    get, key = operator.attrgetter(variable.column.field), variable.key

    def read(event: Event) -> Anything:
        found = (get(event) or {}).get(key)
        if isinstance(found, str):
            return found.partition("\0")[0]  # as far as the archive reads it
        if isinstance(found, float):
            return found if math.isfinite(found) else None
        return int(found) if isinstance(found, int) else None

    return read
