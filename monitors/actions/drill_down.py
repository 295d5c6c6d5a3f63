"""The query that statistics are read with: ``(class)(method)(signature)(attributes)``.

    (shop.cart.Cart)(add*)(?)(count,max)

A part is a list with commas, each with ``*`` for any text; ``?`` or nothing stands for all, and parts that are left out
at the end do too. The signature is one pattern of the parameters' names: ``(self,item)``.
The attributes are those of ``ATTRIBUTES``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from weaver.api import InvalidAttributeError

ATTRIBUTES = ("count", "min", "max", "avg", "sum", "sum_of_squares", "std_deviation")
PARTS = ("class", "method", "signature", "attributes")
LONGEST = 1_000
"""Characters of a query."""

_PART = re.compile(r"\s*\(([^()]*)\)\s*")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for: patterns for the class and the method, one for the signature, and attributes."""

    classes: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = ("*",)
    signature: str = "*"
    attributes: tuple[str, ...] = ATTRIBUTES

    def fits(self, owner: str, method: str, signature: str) -> bool:
        """Say whether a method is asked for."""
        return _fits(owner, self.classes) and _fits(method, self.methods) and _fits(signature, (self.signature,))


EVERYTHING = Query()


def parse_query(text: str) -> Query:
    """Read a query; an empty one asks for everything.

    Errors: InvalidAttributeError with the column.
    """
    if len(text) > LONGEST:
        raise InvalidAttributeError(f"a query has at most {LONGEST} characters")
    parts: list[str] = []
    at = 0
    while text[at:].strip():
        found = _PART.match(text, at)
        if found is None or len(parts) == len(PARTS):
            wanted = f"({PARTS[len(parts)]})" if len(parts) < len(PARTS) else "the end"
            raise InvalidAttributeError(f"query {text!r}, column {at + 1}: expected {wanted}")
        parts.append(found[1])
        at = found.end()
    classes, methods, signature, attributes = [*parts, *("",) * (len(PARTS) - len(parts))]
    return Query(
        _patterns(classes),
        _patterns(methods),
        _any("".join(signature.split())),
        tuple(_attribute(name) for name in _patterns(attributes) if name != "*") or ATTRIBUTES,
    )


def _patterns(part: str) -> tuple[str, ...]:
    return tuple(_any(one.strip()) for one in part.split(","))


def _any(pattern: str) -> str:
    return "*" if pattern in {"", "?"} else pattern.replace("[", "[[]")


def _attribute(name: str) -> str:
    if name not in ATTRIBUTES:
        near = difflib.get_close_matches(name, ATTRIBUTES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(ATTRIBUTES)}"
        raise InvalidAttributeError(f"there is no attribute {name!r}; {hint}")
    return name


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
