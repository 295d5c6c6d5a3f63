"""Parameters: ``;name=value`` behind a header value or a URI."""

from __future__ import annotations

from collections.abc import Mapping

from server.sip.grammar import split_outside_quotes

Params = Mapping[str, str | None]


def parse_params(text: str) -> dict[str, str | None]:
    """Return the parameters of ``a=1;b;c="x"``; names in lower case, None for one without a value.

    Errors: ValueError for an empty name or an open quoted string.
    """
    found: dict[str, str | None] = {}
    for part in split_outside_quotes(text, ";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not name:
            if part.strip():
                raise ValueError(f"a parameter without a name: {part!r}")
            continue
        found.setdefault(name, value.strip() if equals else None)
    return found


def format_params(params: Params) -> str:
    """Return ``;a=1;b``."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params.items())
