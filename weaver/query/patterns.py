"""The patterns of LIKE and MATCHES, both matched by google-re2: in linear time, whatever the pattern and the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import re2

LENGTH = 1_000
"""How many characters a pattern may have."""
MEMORY = 1 << 20
"""Bytes that a compiled pattern may take."""

Test = Callable[[str], bool]

_PIECE = re.compile(r"\\[%_\\]|.", re.DOTALL)
_WILD = {"%": ".*", "_": "."}


def compile_regex(pattern: str) -> Test:
    """Return the test whether all of a text matches a regular expression.

    Errors: ValueError with the reason.
    """
    return _compiled(_short(pattern))


def compile_like(pattern: str) -> Test:
    """Return the test whether all of a text is like a pattern: ``%`` is any text, ``_`` one character.

    A backslash before one of these or before another backslash makes it plain.
    Errors: ValueError with the reason.
    """
    pieces = _PIECE.findall(_short(pattern))
    return _compiled("".join(_WILD.get(one) or re2.escape(one[-1]) for one in pieces))


def _short(pattern: str) -> str:
    if len(pattern) > LENGTH:
        raise ValueError(f"a pattern may have {LENGTH} characters")
    return pattern


def _compiled(pattern: str) -> Test:
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    options.dot_nl = True
    try:
        fullmatch = re2.compile(pattern, options).fullmatch
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from error
    return lambda text: fullmatch(text) is not None


COMPILERS: Mapping[str, Callable[[str], Test]] = {"LIKE": compile_like, "MATCHES": compile_regex}
