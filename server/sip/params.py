"""Parameters: ``;name=value`` behind a header value or a URI."""

from __future__ import annotations

import re
from collections.abc import Mapping

from server.sip.grammar import split_outside_quotes

_NAME = re.compile(r'[^\x00-\x20\x7f"<>,;=@]+\Z')
"""Characters of pvalue and token (RFC 3261 25.1) and what the field adds; none that separates."""

Params = Mapping[str, str | None]


def parse_params(text: str, separator: str = ";") -> dict[str, str | None]:
    """Return the parameters of ``a=1;b;c="x"``; names in lower case, None for one without a value.

    A separator at the very end is tolerated, and so is a parameter that is repeated with the same value.

    Errors: ValueError for a name that is empty or holds blanks, quotes or brackets, an open quoted string, or a
    parameter that stands twice with two values: what two readers could understand in two ways is refused (RFC 3261
    7.3.1).
    """
    found: dict[str, str | None] = {}
    if not text:
        return found
    parts = split_outside_quotes(text, separator)
    if not parts[-1].strip(" \t"):
        parts.pop()
    for part in parts:
        name, equals, text = part.partition("=")
        name = name.strip(" \t").lower()
        value = text.strip(" \t") if equals else None
        if not _NAME.match(name):
            raise ValueError(f"a parameter without a name that can be one: {part[:40]!r}")
        if found.setdefault(name, value) != value:
            raise ValueError(f"the parameter {name[:40]!r} has two values")
    return found


def format_params(params: Params) -> str:
    """Return ``;a=1;b``."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])
