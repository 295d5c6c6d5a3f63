"""Dye masks: which vectors a monitor is for.

A mask is a list whose entries must all hold. An entry is the name of a dye or an expression::

    expression = conjunction { ("or" | "||") conjunction }
    conjunction = negation { ("and" | "&&") negation }
    negation = ("not" | "!") negation | "(" expression ")" | NAME

Words in any case. It is kept as alternatives of bits that must be set and bits that must not be, so that the masks of
several monitors together are a mask again, and a vector is compared once, when it is interned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from weaver.dye_names import NAMES
from weaver.errors import InvalidAttributeError

Alternative = tuple[int, int]
"""Bits that must be set, bits that must not be."""

ALTERNATIVES = 64
"""How many alternatives a mask may have."""

DEPTH = 32
"""How many parentheses an entry may open."""

_ALWAYS: Alternative = (0, 0)
_TOKEN = re.compile(r"\s*(?:(?P<sign>&&|\|\||[()!])|(?P<name>[^\W\d]\w*)|(?P<wrong>\S))")
_WORDS = {"&&": "and", "||": "or", "!": "not", "(": "(", ")": ")"}
_OPERATORS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Mask:
    """What a vector must have and must not have; one of the alternatives has to hold."""

    alternatives: frozenset[Alternative]

    def matches(self, vector: int) -> bool:
        """Say whether a vector is one of the mask's."""
        for need, without in self.alternatives:  # noqa: SIM110 - twice as quick as any() of a generator
            if vector & need == need and not vector & without:
                return True
        return False

    @property
    def is_always(self) -> bool:
        """Whether every vector matches, because nothing is required."""
        return _ALWAYS in self.alternatives

    @property
    def flags(self) -> int:
        """All bits that it names."""
        found = 0
        for need, without in self.alternatives:
            found |= need | without
        return found


ALWAYS = Mask(frozenset({_ALWAYS}))
"""The empty mask."""


def any_of(masks: Iterable[Mask]) -> Mask:
    """Return the mask that holds where one of the masks does."""
    alternatives = frozenset[Alternative]().union(*(mask.alternatives for mask in masks))
    return ALWAYS if _ALWAYS in alternatives else Mask(alternatives)


def flags_of(masks: Iterable[Mask]) -> int:
    """Return all bits that masks name."""
    found = 0
    for mask in masks:
        found |= mask.flags
    return found


def parse_mask(entries: Iterable[str]) -> Mask:
    """Return the mask of a list of names and expressions, which must all hold.

    Errors: UnknownNameError, with the nearest name; InvalidAttributeError for an expression that cannot be read.
    """
    found = _parsed(entries, NAMES.bit)
    if not found:
        raise InvalidAttributeError("the mask can never hold: it asks for what it excludes")
    return Mask(found)


def names_in(entry: str) -> tuple[str, ...]:
    """Return the names of dyes in one entry of a mask.

    Errors: InvalidAttributeError for what is no expression.
    """
    names: dict[str, int] = {}
    _parsed((entry,), lambda name: names.setdefault(name, len(names)))
    return tuple(names)


def required_names(entries: Iterable[str]) -> list[frozenset[str]]:
    """Return the names of dyes that must be set for a mask to hold, for each of its alternatives.

    Errors: InvalidAttributeError for what is no expression.
    """
    names: dict[str, int] = {}
    found = _parsed(entries, lambda name: names.setdefault(name, len(names)))
    return [frozenset(name for name, bit in names.items() if need >> bit & 1) for need, _ in found]


def _parsed(entries: Iterable[str], bit_of: Callable[[str], int]) -> frozenset[Alternative]:
    found = ALWAYS.alternatives
    for entry in entries:
        found = _both(entry, found, _Parser(entry, bit_of).parse())
    return found


def _both(text: str, one: frozenset[Alternative], other: frozenset[Alternative]) -> frozenset[Alternative]:
    """Return the alternatives of a conjunction, without those that cannot hold."""
    made = {(a | c, b | d) for a, b in one for c, d in other if not (a | c) & (b | d)}
    if len(made) > ALTERNATIVES:
        raise InvalidAttributeError(f"the mask {text!r} has more than {ALTERNATIVES} alternatives")
    return frozenset(made)


class _Operand(Protocol):
    def __call__(self, *, negated: bool) -> frozenset[Alternative]: ...


class _Parser:
    """Reads one entry; ``bit_of`` gives the bit of each name."""

    def __init__(self, text: str, bit_of: Callable[[str], int]) -> None:
        self._text = text
        self._bit_of = bit_of
        self._tokens: list[str] = []
        self._at = 0
        for token in _TOKEN.finditer(text):
            if token["wrong"]:
                raise self._refused(f"{token['wrong']!r} in column {token.start('wrong') + 1} means nothing")
            name = token["name"]
            word = _WORDS[token["sign"]] if token["sign"] else name.lower() if name.lower() in _OPERATORS else name
            self._tokens.append(word)
        if self._tokens.count("(") > DEPTH:
            raise self._refused(f"it has more than {DEPTH} parentheses")

    def parse(self) -> frozenset[Alternative]:
        found = self._expression(negated=False)
        if self._next() is not None:
            raise self._refused(f"expected 'and' or 'or' before {self._next()!r}")
        return found

    def _expression(self, *, negated: bool) -> frozenset[Alternative]:
        return self._joined("or", self._conjunction, negated=negated)

    def _conjunction(self, *, negated: bool) -> frozenset[Alternative]:
        return self._joined("and", self._negation, negated=negated)

    def _joined(self, word: str, operand: _Operand, *, negated: bool) -> frozenset[Alternative]:
        """Read operands with a word between; what is negated swaps the meaning of the words."""
        found = operand(negated=negated)
        while self._next() == word:
            self._at += 1
            other = operand(negated=negated)
            found = found | other if (word == "or") != negated else _both(self._text, found, other)
        return found

    def _negation(self, *, negated: bool) -> frozenset[Alternative]:
        while self._next() == "not":
            self._at += 1
            negated = not negated
        token = self._next()
        self._at += 1
        if token == "(":  # noqa: S105 - a sign of the language
            found = self._expression(negated=negated)
            if self._next() != ")":
                raise self._refused("a parenthesis is not closed")
            self._at += 1
            return found
        if token is None or token in {"and", "or", ")"}:
            raise self._refused("expected the name of a dye" + (f" before {token!r}" if token else " at the end"))
        bit = 1 << self._bit_of(token)
        return frozenset({(0, bit) if negated else (bit, 0)})

    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _refused(self, reason: str) -> InvalidAttributeError:
        return InvalidAttributeError(f"the mask {self._text!r} cannot be read: {reason}")
