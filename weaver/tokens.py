"""What the weaver's languages have in common: a text cut into pieces, each with its column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from weaver.errors import ExpressionSyntaxError

_BLANK = re.compile(r"\s*")


class Token(NamedTuple):
    """A piece of a text.

    Shape: what ``kind`` may be is each language's own, the last token is ``end``; ``column`` counts from 1.
    """

    kind: str
    text: str
    column: int


class Lexicon(NamedTuple):
    """What a language's pieces look like.

    Shape: ``length`` is the most characters of a text, ``expected`` what can begin a piece, ``hints`` what to write
    in place of a character that begins none; ``error`` is what is raised.
    """

    pattern: re.Pattern[str]
    length: int
    expected: str
    hints: dict[str, str]
    error: type[ExpressionSyntaxError]

    def pieces(self, text: str) -> Iterator[tuple[re.Match[str], int]]:
        """Yield each piece with its column.

        Errors: those of the language, at what begins no piece.
        """
        if len(text) > self.length:
            raise self.error(text, self.length + 1, f"at most {self.length} characters")
        at = _behind_blank(text, 0)
        while at < len(text):
            found = self.pattern.match(text, at)
            if found is None:
                raise self.error(text, at + 1, self.expected, self.hints.get(text[at], ""))
            yield found, at + 1
            at = _behind_blank(text, found.end())

    @staticmethod
    def end(text: str) -> Token:
        """Return the token behind the last piece."""
        return Token("end", "", len(text.rstrip()) + 1)


def _behind_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()
