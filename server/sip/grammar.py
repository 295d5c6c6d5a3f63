"""Characters and lexical rules of RFC 3261 25.1."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+\Z")
"""token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")"""

HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])\Z")
"""host = hostname / IPv4address / IPv6reference; underscores are met in the field and tolerated"""

_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PIECES = {
    separator: re.compile(rf'"[^"\\]*(?:\\.[^"\\]*)*"|<[^>"]*>|["<{separator}]', re.DOTALL) for separator in ",;"
}
"""What a list is split by: whole quoted strings and angle brackets, an open one of either, the separator. Linear, since
an open one ends the search.
"""


def is_token(text: str) -> bool:
    """Say whether the text is a token."""
    return (text.isalnum() and text.isascii()) or TOKEN.match(text) is not None


def is_number(text: str, digits: int = 10) -> bool:
    """Say whether the text is 1*DIGIT and not longer than so many digits."""
    return text.isdigit() and text.isascii() and len(text) <= digits


def check_line(text: str, what: str) -> str:
    """Return the text if it can stand on one line of a message.

    Errors: ValueError for CR, LF or NUL, and for what cannot be written as UTF-8.
    """
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError(f"{what} holds CR, LF or NUL: {text!r}")
    if not text.isascii():
        text.encode("utf-8", "surrogateescape")
    return text


def storable(text: str) -> str:
    """Return text that can be written as UTF-8 and read again: what came as other bytes is taken for Latin-1."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at a separator that stands neither in a quoted string nor between angle brackets.

    Errors: ValueError for a quoted string or an angle bracket that is not closed.
    """
    if '"' not in text and ("<" not in text or separator not in text):
        return text.split(separator)
    parts: list[str] = []
    start = 0
    for found in _PIECES[separator].finditer(text):
        piece = found[0]
        if piece == separator:
            parts.append(text[start : found.start()])
            start = found.end()
        elif len(piece) == 1:
            raise ValueError(f"a quoted string or a '<' is not closed: {text[:80]!r}")
    parts.append(text[start:])
    return parts


def quote(text: str) -> str:
    """Return the text as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """Return what a quoted string says; any other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _PAIR.sub(r"\1", inner) if "\\" in inner else inner
