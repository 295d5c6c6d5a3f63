"""The query language over events, by recursive descent.

::

    query      = either
    either     = both { OR both }
    both       = not { AND not }
    not        = NOT not | comparison
    comparison = bits [ ( "=" | "!=" | "<" | ">" | "<=" | ">=" ) bits
                      | [NOT] LIKE string | [NOT] MATCHES string | [NOT] IN "(" literal { "," literal } ")" ]
    bits       = value { ( "&" | "|" ) value }
    value      = number | string | NAME | "${" NAME "}" | "(" either ")"

A NAME is a column in either of its spellings, ``PAYLOAD.key`` or ``CTXPAYLOAD.key``, or a dye flag. Keywords and names
are case-sensitive. A text stands in single or double quotes; a quote in it is doubled or has a backslash before it, a
backslash may have one. In a pattern of LIKE a backslash makes the wildcard behind it plain. Bits alone are a condition:
one of them is set.

Source: the original's query language, its operators and their precedence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

from weaver.columns import VARIABLES
from weaver.query.nodes import (
    All,
    Among,
    Any,
    AnyBit,
    Bits,
    Compare,
    Comparison,
    Condition,
    Kind,
    Literal,
    Match,
    Node,
    Not,
    Pattern,
    Value,
    Variable,
    is_value,
)
from weaver.query.patterns import COMPILERS
from weaver.query.tokens import KEYWORDS, Cursor, did_you_mean
from weaver.tokens import Token

DEPTH = 30
"""How deep parentheses and NOT may be nested."""
CONDITIONS = 200
"""How many comparisons, and how many values of IN, a query may have."""

_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")
_TABLES = ("PAYLOAD", "CTXPAYLOAD")
_LARGEST = (1 << 63) - 1
_NO_CONDITION = "a comparison: =, !=, <, >, <=, >=, LIKE, MATCHES or IN"


def parse_query(text: str, flags: Mapping[str, int]) -> Condition:
    """Read a query; ``flags`` has the bit of each dye flag by name.

    Errors: QuerySyntaxError, with the column and what was expected.
    """
    return _Parser(text, flags).query()


class _Parser:
    def __init__(self, text: str, flags: Mapping[str, int]) -> None:
        self._cursor = Cursor(text)
        self._flags = flags
        self._depth = 0
        self._count = 0

    def query(self) -> Condition:
        node = self._condition(self._either())
        if self._cursor.next.kind != "end":
            raise self._cursor.error("AND, OR or the end", self._case_hint())
        return node

    def _either(self) -> Node:
        return self._joined("OR", self._both, Any)

    def _both(self) -> Node:
        return self._joined("AND", self._not, All)

    def _joined(self, word: str, part: Callable[[], Node], join: Callable[[tuple[Condition, ...]], Condition]) -> Node:
        first = part()
        if not self._cursor.accept(word):
            return first
        parts = [self._condition(first), self._condition(part())]
        while self._cursor.accept(word):
            parts.append(self._condition(part()))
        return join(tuple(parts))

    def _not(self) -> Node:
        if not self._cursor.accept("NOT"):
            return self._comparison()
        return Not(self._condition(self._nested(self._not)))

    def _comparison(self) -> Node:
        began = self._cursor.next
        left = self._bits()
        token = self._cursor.next
        if token.kind == "sign" and token.text in _COMPARISONS:
            return self._compared(began, self._value(began, left))
        negated = self._cursor.accept("NOT")
        word = self._cursor.accept("LIKE", "MATCHES", "IN")
        if word is None:
            if negated:
                raise self._cursor.error("LIKE, MATCHES or IN")
            return left
        self._counted(word)
        value = self._value(began, left)
        found = self._among(began, value) if word.text == "IN" else self._match(began, word, value)
        return Not(found) if negated else found

    def _compared(self, began: Token, left: Value) -> Condition:
        operator = self._cursor.take()
        self._counted(operator)
        second = self._cursor.next
        right = self._value(second, self._bits())
        self._same(left.kind, right.kind, second)
        if isinstance(left, Literal) and isinstance(right, Literal):
            raise self._cursor.error("a column on one side", at=began)
        return Compare(cast("Comparison", operator.text), left, right)

    def _match(self, began: Token, word: Token, value: Value) -> Condition:
        if value.kind == "number":
            raise self._cursor.error("a column with text", at=began)
        token = self._cursor.next
        if token.kind != "string":
            raise self._cursor.error("a text in quotes")
        self._cursor.take()
        try:
            COMPILERS[word.text](token.text)
        except ValueError as error:
            raise self._cursor.error("a pattern that google-re2 takes", str(error), token) from error
        return Match(cast("Pattern", word.text), value, token.text)

    def _among(self, began: Token, value: Value) -> Condition:
        if isinstance(value, Literal):
            raise self._cursor.error("a column", at=began)
        self._cursor.expect("(")
        choices = [self._choice(value.kind)]
        while self._cursor.accept(","):
            self._counted(self._cursor.next)
            choices.append(self._choice(value.kind if value.kind != "any" else choices[0].kind))
        self._cursor.expect(")")
        return Among(value, tuple(choices))

    def _choice(self, kind: Kind) -> Literal:
        token = self._cursor.next
        found = self._operand()
        if not isinstance(found, Literal):
            raise self._cursor.error("a number, a text or a dye flag", at=token)
        self._same(kind, found.kind, token)
        return found

    def _bits(self) -> Node:
        began = self._cursor.next
        left = self._operand()
        while sign := self._cursor.accept("&", "|"):
            second = self._cursor.next
            right = self._operand()
            left = Bits("&" if sign.text == "&" else "|", self._integer(began, left), self._integer(second, right))
        return left

    def _integer(self, token: Token, node: Node) -> Value:
        value = self._value(token, node)
        if value.kind != "number" or (isinstance(value, Literal) and isinstance(value.value, float)):
            raise self._cursor.error("a whole number or a dye flag", at=token)
        return value

    def _operand(self) -> Node:
        token = self._cursor.next
        if opened := self._cursor.accept("("):
            found = self._nested(self._either)
            self._cursor.expect(")", f"the '(' at column {opened.column} is never closed")
            return found
        if token.kind == "string":
            return Literal(self._cursor.take().text)
        if token.kind == "number":
            return self._number(self._cursor.take())
        if token.kind == "name":
            return self._named(self._cursor.take())
        raise self._cursor.error("a column, a dye flag, a number, a text in quotes or '('")

    def _number(self, token: Token) -> Literal:
        try:
            value: int | float = int(token.text)
        except ValueError:
            value = float(token.text)
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _LARGEST):
            raise self._cursor.error(f"a number up to {_LARGEST}", at=token)
        return Literal(value)

    def _named(self, token: Token) -> Value:
        name, dot, key = token.text.partition(".")
        if dot and name in _TABLES:
            return Variable(VARIABLES[name], key)
        if dot and name in VARIABLES:
            raise self._cursor.error(f"{name} alone; only {' and '.join(_TABLES)} have entries", at=token)
        if token.text in VARIABLES:
            return Variable(VARIABLES[token.text])
        if token.text in self._flags:
            return Literal(1 << self._flags[token.text], token.text)
        hint = self._case_hint(token) or did_you_mean(token.text, [*VARIABLES, *self._flags])
        hint = (
            hint or f"facts of the message are entries: CTXPAYLOAD.{token.text}; what the action said: PAYLOAD.{name}"
        )
        raise self._cursor.error("a column or a dye flag", hint, token)

    def _condition(self, node: Node) -> Condition:
        if isinstance(node, Bits):
            return AnyBit(node)
        if isinstance(node, Variable | Literal):
            raise self._cursor.error(_NO_CONDITION, self._case_hint())
        return node

    def _value(self, began: Token, node: Node) -> Value:
        if not is_value(node):
            raise self._cursor.error("a value, not a condition", at=began)
        return cast("Value", node)

    def _same(self, left: Kind, right: Kind, token: Token) -> None:
        if left != right and "any" not in {left, right}:
            raise self._cursor.error("a number" if left == "number" else "a text in quotes", at=token)

    def _nested(self, read: Callable[[], Node]) -> Node:
        if self._depth >= DEPTH:
            raise self._cursor.error(f"at most {DEPTH} levels of parentheses and NOT")
        self._depth += 1
        found = read()
        self._depth -= 1
        return found

    def _counted(self, token: Token) -> None:
        self._count += 1
        if self._count > CONDITIONS:
            raise self._cursor.error(f"at most {CONDITIONS} comparisons", at=token)

    def _case_hint(self, token: Token | None = None) -> str:
        text = (token or self._cursor.next).text
        return f"write {text.upper()}: case counts" if text.upper() in KEYWORDS and text not in KEYWORDS else ""
