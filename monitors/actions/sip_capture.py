"""SipCaptureAction: the text of the SIP message that a joinpoint is about, as far as it may be seen.

A message is known by what it has: a start line, header lines and a body. By default the headers that steer a message
are shown, and those that say who calls whom are not; credentials never are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import Field

from weaver.api import HIDDEN, ActionKind, Invocation, Names, Properties, show

LINES = 20
"""Header lines and body lines that are shown, each."""

COMPACT = {
    "v": "via", "i": "call-id", "l": "content-length", "c": "content-type", "k": "supported", "f": "from", "t": "to",
    "m": "contact", "s": "subject", "e": "content-encoding", "x": "session-expires", "o": "event", "u": "allow-events",
    "r": "refer-to", "b": "referred-by", "y": "identity",
}  # fmt: skip
"""Source: RFC 3261 7.3.3, 20; RFC 3515, 3892, 4028, 6665, 8224."""

STEERING = frozenset({
    "via", "call-id", "cseq", "max-forwards", "content-length", "content-type", "content-encoding", "supported",
    "require", "proxy-require", "unsupported", "allow", "allow-events", "accept", "event", "expires", "min-expires",
    "session-expires", "min-se", "rseq", "rack", "retry-after", "subscription-state", "user-agent", "server",
    "date", "timestamp",
})  # fmt: skip
"""Headers that are shown unless something else is said."""

SECRET = frozenset({
    "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info",
    "proxy-authentication-info", "cookie", "set-cookie", "identity",
})  # fmt: skip
"""Headers that are never shown."""

_USER = re.compile(r"(?<=\bsip:)[^@\s]*(?=@)|(?<=\bsips:)[^@\s]*(?=@)|(?<=\btel:)[^;\s]*", re.IGNORECASE)
_SECRET_LINE = re.compile(r"\A(k=|a=crypto:|a=ice-pwd:|a=ice-ufrag:|a=key-mgmt:).*", re.IGNORECASE)


class CaptureProperties(Properties):
    """What of a message may be seen."""

    show: Names = Field(
        default=frozenset(), description="further headers whose values may be seen, `Request-URI`, or `*` for all"
    )
    body: bool = Field(default=False, description="whether the lines of a text body may be seen, but for keys")


class SipCaptureAction:
    """Shows the SIP message of the joinpoint: start line, headers and, if that is asked for, the body."""

    name = "SipCaptureAction"
    kind: ActionKind = "stateless"
    Properties = CaptureProperties
    monitors = ("Sip_*",)

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Emit the message; nothing where there is none."""
        message = find_message(invocation.arguments)
        if message is None:
            return None
        properties = invocation.properties_as(CaptureProperties)
        names = frozenset(name.casefold() for name in properties.show)
        lines = message.headers.lines
        found = {
            "start_line": _start_line(message.start_line, names),
            "headers": [_header(line, names) for line in islice(lines, LINES)],
            "headers_left_out": max(0, len(lines) - LINES),
            "body_bytes": len(message.body),
        }
        return found | {"body": _body(message.body)} if properties.body else found

    enter = leave = run


def find_message(arguments: tuple[Any, ...]) -> Any:
    """Return the message that is among the arguments, or in one of them; None when there is none."""
    for argument in arguments:
        for one in (argument, getattr(argument, "message", None)):
            if hasattr(one, "start_line") and hasattr(getattr(one, "headers", None), "lines"):
                return one
    return None


def _start_line(line: str, names: frozenset[str]) -> str:
    return line if names & {"*", "request-uri"} else _USER.sub(HIDDEN, line)


def _header(line: str, names: frozenset[str]) -> str:
    name, _, value = line.partition(":")
    key = name.strip().casefold()
    key = COMPACT.get(key, key)
    allowed = key not in SECRET and (key in STEERING or bool(names & {"*", key}))
    if not allowed or show("", allowed=True, name=key) == HIDDEN:
        return f"{name}: {HIDDEN}"
    return f"{name}: {value.strip()}"


def _body(body: bytes) -> list[str]:
    """Return the first lines of a text, keys hidden; of anything else how long it is."""
    try:
        text = body[:8192].decode()
    except UnicodeDecodeError:
        return [f"<{len(body)} bytes>"]
    return [_SECRET_LINE.sub(rf"\1{HIDDEN}", line) for line in text.splitlines()[:LINES]]
