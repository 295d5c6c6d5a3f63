"""Text to tokens, and the place in them that the parser has come to.

A word is a whole path with its wildcards, such as ``apps..*Servlet+.do_{invite,bye}``; a blank ends it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.pattern import ALTERNATIVES, alternatives
from weaver.tokens import Lexicon, Token

OR = frozenset({"or", "OR", "||"})
AND = frozenset({"and", "AND", "&&"})
NOT = frozenset({"not", "NOT", "!"})
OPERATORS = OR | AND | NOT

LENGTH = 100_000
"""How many characters an expression may have."""

_PART = r"(?:[\w*]++|<\w++>|\{[\w*]++(?:,[\w*]++)*+\})++"
_TOKEN = re.compile(
    rf"(?P<word>{_PART}(?:\+?(?:\.\.|[.:]){_PART})*+(?:\.\.)?\+?)|(?P<rest>\.{{2,3}})|(?P<sign>&&|\|\||\[\]|[()!,%+@])"
)
_HINTS = {"&": "write '&&' or 'and'", "|": "write '||' or 'or'", ".": "a name must follow the dot", "[": "write '[]'"}

_LEXICON = Lexicon(_TOKEN, LENGTH, "a name, an operator or a parenthesis", _HINTS, PointcutSyntaxError)


def read_tokens(text: str) -> list[Token]:
    """Cut a text into tokens, whose kinds are ``word``, ``operator``, ``rest`` (dots), ``sign`` and ``end``.

    Errors: PointcutSyntaxError at what begins no token.
    """
    return [*(_token(text, *piece) for piece in _LEXICON.pieces(text)), _LEXICON.end(text)]


def _token(text: str, found: re.Match[str], column: int) -> Token:
    kind, piece = found.lastgroup or "", found.group()
    if kind == "word" and alternatives(piece) > ALTERNATIVES:
        raise PointcutSyntaxError(text, column, f"at most {ALTERNATIVES} alternatives in a name")
    return Token("operator" if piece in OPERATORS else kind, piece, column)


class Cursor:
    """The tokens of one text and how many of them are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = read_tokens(text)
        self._at = 0

    @property
    def next(self) -> Token:
        """The first token that is not read."""
        return self._tokens[self._at]

    def following(self, steps: int = 1) -> Token:
        """Return a token behind the next, the last one when there are not so many."""
        return self._tokens[min(self._at + steps, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read the next token."""
        token = self.next
        if token.kind != "end":
            self._at += 1
        return token

    def accept(self, *texts: str) -> bool:
        """Read the next token if it is one of these."""
        found = self.next.text in texts and self.next.kind != "end"
        self._at += found
        return found

    def word(self, expected: str) -> Token:
        """Read a word.

        Errors: PointcutSyntaxError.
        """
        if self.next.kind != "word":
            raise self.error(expected)
        return self.take()

    def open(self, expected: str = "'('") -> int:
        """Read an opening parenthesis and return its column.

        Errors: PointcutSyntaxError.
        """
        column = self.next.column
        if not self.accept("("):
            raise self.error(expected)
        return column

    def close(self, opened: int, expected: str = "')'") -> None:
        """Read a closing parenthesis.

        Errors: PointcutSyntaxError.
        """
        if not self.accept(")"):
            hint = f"the '(' at column {opened} is never closed" if self.next.kind == "end" else ""
            raise self.error(expected, hint)

    def error(self, expected: str, hint: str = "", at: int | None = None) -> PointcutSyntaxError:
        """Make the error that something else was expected here, or at another column."""
        return PointcutSyntaxError(self.text, self.next.column if at is None else at, expected, hint)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a hint with the nearest of the known names, empty when none is near."""
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"did you mean {near[0]!r}?" if near else ""
