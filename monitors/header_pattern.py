"""Patterns over header values, in time that grows with the value alone."""

from __future__ import annotations

from collections.abc import Callable

import re2

from monitors.message_facts import VALUE_LIMIT

PATTERN_LIMIT = 1_024


def text_or_pattern(text: str) -> Callable[[str], bool]:
    """Return the test whether a value has a text in it, or something that a regular expression matches; case ignored.

    Errors: ValueError, with the reason, for an expression that is refused.
    """
    if len(text) > PATTERN_LIMIT:
        raise ValueError(f"the pattern is longer than {PATTERN_LIMIT} characters")
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        pattern = re2.compile(text, options)
    except re2.error as error:
        reason = b"".join(part for part in error.args if isinstance(part, bytes)).decode("utf-8", "replace")
        raise ValueError(f"the pattern {text!r} is refused: {reason or error}") from error
    literal = text.lower()

    def matches(value: str) -> bool:
        cut = value[:VALUE_LIMIT]
        if not cut.isascii():
            cut = cut.encode("utf-8", "replace").decode()  # what is no UTF-8 cannot be given to the pattern
        return literal in cut.lower() or pattern.search(cut) is not None

    return matches
