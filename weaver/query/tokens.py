"""A query's text to tokens, and the place in them that the parser has come to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from weaver.errors import QuerySyntaxError
from weaver.tokens import Lexicon, Token

LENGTH = 10_000
"""How many characters a query may have."""

KEYWORDS = ("AND", "OR", "NOT", "LIKE", "MATCHES", "IN")

_NAME = r"[A-Za-z_]\w*+(?:\.[\w-]++)*+"
_TOKEN = re.compile(
    rf"(?P<variable>\$\{{\s*+{_NAME}\s*+\}})|(?P<name>{_NAME})"
    r"|(?P<number>-?(?:\d++(?:\.\d++)?|\.\d++)(?:[eE][+-]?\d++)?)(?![\w.])"
    r"|(?P<string>'(?:[^'\\]|''|\\.)*+'|\"(?:[^\"\\]|\"\"|\\.)*+\")"
    r"|(?P<sign><=|>=|!=|[=<>&|(),])",
    re.DOTALL | re.ASCII,
)
_HINTS = {
    "!": "write '!=' or 'NOT'",
    "$": "write ${NAME}",
    "'": "the text is never closed",
    '"': "the text is never closed",
}
_ESCAPE = re.compile(r"\\([\\'\"])|''|\"\"")

_LEXICON = Lexicon(_TOKEN, LENGTH, "a name, a value, an operator or a parenthesis", _HINTS, QuerySyntaxError)


def read_tokens(text: str) -> list[Token]:
    """Cut a text into tokens, whose kinds are ``name``, ``keyword``, ``number``, ``string``, ``sign`` and ``end``.

    Shape: the text of a string has no quotes any more, that of a variable no ``${}``.
    Errors: QuerySyntaxError at what begins no token.
    """
    return [*(_token(*piece) for piece in _LEXICON.pieces(text)), _LEXICON.end(text)]


def _token(found: re.Match[str], column: int) -> Token:
    kind, piece = found.lastgroup or "", found.group()
    if kind == "variable":
        return Token("name", piece[2:-1].strip(), column)
    if kind == "string":
        return Token("string", _unquoted(piece), column)
    return Token("keyword" if piece in KEYWORDS else kind, piece, column)


def _unquoted(piece: str) -> str:
    quote = piece[0]
    return _ESCAPE.sub(lambda escape: escape[1] or (quote if escape[0] == 2 * quote else escape[0]), piece[1:-1])


class Cursor:
    """The tokens of one query and how many of them are read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = read_tokens(text)
        self._at = 0

    @property
    def next(self) -> Token:
        """The first token that is not read."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """Read the next token."""
        token = self.next
        self._at += token.kind != "end"
        return token

    def accept(self, *texts: str) -> Token | None:
        """Read the next token if it is one of these keywords or signs."""
        token = self.next
        return self.take() if token.kind in {"keyword", "sign"} and token.text in texts else None

    def expect(self, sign: str, hint: str = "") -> Token:
        """Read a sign.

        Errors: QuerySyntaxError.
        """
        token = self.accept(sign)
        if token is None:
            raise self.error(f"{sign!r}", hint)
        return token

    def error(self, expected: str, hint: str = "", at: Token | None = None) -> QuerySyntaxError:
        """Make the error that something else was expected, here or at a token."""
        return QuerySyntaxError(self.text, (at or self.next).column, expected, hint)


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a hint with the nearest of the known names, case ignored; empty when none is near."""
    upper = {one.upper(): one for one in known}
    near = difflib.get_close_matches(name.upper(), sorted(upper), 1)
    return f"did you mean {upper[near[0]]!r}?" if near else ""
