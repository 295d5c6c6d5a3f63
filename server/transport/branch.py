"""The branch of a request, read from its bytes: names what was lost to whoever sent it.

A transport that cannot deliver says which request it was. The kernel quotes only the beginning of a datagram, and what
was sent on a connection that breaks is no longer there as a message, so the branch must do.
"""

from __future__ import annotations

import re

HEAD = 1024
"""Bytes within which the top Via of a request stands; ours is the first line behind the request line."""

_BRANCH = re.compile(rb"\r\n(?:via|v)[ \t]*:[^\r\n]*?;[ \t]*branch[ \t]*=[ \t]*([^;,\s]+)[;,\s]", re.IGNORECASE)


def branch_of(data: bytes) -> str:
    """Return the branch of the top Via of a request, empty for a response or where it was cut off."""
    if data.startswith(b"SIP/"):
        return ""
    found = _BRANCH.search(data[:HEAD])
    return found[1].decode("utf-8", "replace") if found else ""
