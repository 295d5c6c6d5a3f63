"""Characters and lexical rules of RFC 3261 25.1, one regular expression a rule."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+\Z")
"""token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")"""

HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])\Z")
"""host = hostname / IPv4address / IPv6reference; underscores are met in the field and tolerated"""

FORBIDDEN = re.compile(r"[\r\n\0]")
"""What no header value, URI or reason phrase may hold."""


def is_token(text: str) -> bool:
    """Say whether the text is a token."""
    return TOKEN.match(text) is not None


def check_line(text: str, what: str) -> str:
    """Return the text if it can stand on one line.

    Errors: ValueError for CR, LF or NUL.
    """
    if FORBIDDEN.search(text):
        raise ValueError(f"{what} holds CR, LF or NUL: {text!r}")
    return text


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Split at a separator that stands neither in a quoted string nor between angle brackets.

    Errors: ValueError for a quoted string or an angle bracket that is not closed.
    """
    if '"' not in text and "<" not in text:
        return text.split(separator)
    parts: list[str] = []
    start = at = 0
    end = len(text)
    quoted = angle = False
    while at < end:
        character = text[at]
        if quoted:
            if character == "\\":
                at += 1
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "<":
            angle = True
        elif character == ">":
            angle = False
        elif character == separator and not angle:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    if quoted or angle:
        raise ValueError(f"a quoted string or a '<' is not closed: {text!r}")
    parts.append(text[start:])
    return parts
