"""What a query is made of: values, and conditions over them; ``str(node)`` gives text that reads as the same node.

A comparison with a value that is missing is false, whatever the operator; ``NOT`` of it is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice
from typing import TypeAlias

from weaver.columns import Column
from weaver.dye_names import BITS

Kind: TypeAlias = Choice["text", "number", "any"]
"""What a value is; ``any``: known only when it is looked at."""
Comparison: TypeAlias = Choice["=", "!=", "<", ">", "<=", ">="]
Pattern: TypeAlias = Choice["LIKE", "MATCHES"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of the event, or one entry of the table that a column holds."""

    column: Column
    key: str | None = None

    @property
    def kind(self) -> Kind:
        """What its value is."""
        if self.key is not None:
            return "any"
        return "number" if self.column.kind in {"number", "dyes"} else "text"

    def __str__(self) -> str:
        return self.column.name if self.key is None else f"{self.column.name}.{self.key}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the query; ``name`` is that of a dye."""

    value: str | int | float
    name: str = ""

    @property
    def is_named_dye(self) -> bool:
        """Whether it is no flag but a named dye, whose bit each event has to tell."""
        return bool(self.name) and self.name not in BITS

    @property
    def kind(self) -> Kind:
        """What its value is."""
        return "text" if isinstance(self.value, str) else "number"

    def __str__(self) -> str:
        return self.name or _quoted(self.value)


@dataclass(frozen=True, slots=True)
class Bits:
    """The bits of two numbers: those of both (``&``) or of any (``|``)."""

    operator: Choice["&", "|"]
    left: Value
    right: Value

    @property
    def kind(self) -> Kind:
        """What its value is."""
        return "number"

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


Value: TypeAlias = Variable | Literal | Bits


@dataclass(frozen=True, slots=True)
class Compare:
    """Two values, compared."""

    operator: Comparison
    left: Value
    right: Value

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True, slots=True)
class Match:
    """A text against a pattern: ``LIKE`` with ``%`` and ``_``, ``MATCHES`` with a regular expression for all of it."""

    operator: Pattern
    value: Value
    pattern: str

    def __str__(self) -> str:
        return f"{self.value} {self.operator} {_quoted(self.pattern)}"


@dataclass(frozen=True, slots=True)
class Among:
    """A value that is one of several."""

    value: Value
    choices: tuple[Literal, ...]

    def __str__(self) -> str:
        return f"{self.value} IN ({', '.join(map(str, self.choices))})"


@dataclass(frozen=True, slots=True)
class AnyBit:
    """Bits that stand as a condition: whether one of them is set."""

    bits: Bits

    def __str__(self) -> str:
        return str(self.bits)


@dataclass(frozen=True, slots=True)
class All:
    """All of several conditions."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"({' AND '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of several conditions."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return f"({' OR '.join(map(str, self.parts))})"


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that does not hold."""

    part: Condition

    def __str__(self) -> str:
        return f"NOT ({self.part})"


Condition: TypeAlias = Compare | Match | Among | AnyBit | All | Any | Not
Node: TypeAlias = Value | Condition


def is_value(node: Node) -> bool:
    """Say whether a node is a value and no condition."""
    return isinstance(node, Variable | Literal | Bits)


def _quoted(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
