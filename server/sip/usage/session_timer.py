"""Session timers: one side refreshes the session, the other ends it when that does not happen (RFC 4028).

A server takes the interval that the client asks for, if it is not too short, and lets the client refresh unless that
asked for the contrary. Where nobody asks there is no timer.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.sip.headers.table import SESSION_EXPIRES
from server.sip.message import Request, Response
from server.sip.usage.options import option_tags, supports

OPTION = "timer"

MIN_SE = 90
"""Seconds: the shortest interval that is taken (RFC 4028 5)."""

METHODS = frozenset({"INVITE", "UPDATE"})
"""What refreshes a session."""


class SessionTimer(msgspec.Struct, frozen=True, array_like=True):
    """What two sides agreed on.

    Shape: ``refreshes`` says whether it is us who refresh; ``due`` is when we have to, or else when we end the session.
    Units: ``interval`` seconds; ``due`` a deadline.
    """

    interval: int
    refreshes: bool
    due: float


def start(interval: int, now: float, *, refreshes: bool) -> SessionTimer:
    """Begin to wait: for half of the interval if we refresh, else until shortly before its end.

    Source: RFC 4028 10.
    """
    wait = interval / 2 if refreshes else interval - min(32.0, interval / 3)
    return SessionTimer(interval, refreshes, now + wait)


def is_too_short(request: Request) -> bool:
    """Say whether a request asks for an interval that is refused with 422; whoever knows no timers is not refused."""
    asked = _asked(request)
    return asked is not None and asked[0] < MIN_SE and _knows(request)


def agree(request: Request, now: float) -> tuple[SessionTimer | None, Sequence[tuple[str, str]]]:
    """Return the timer that a server keeps when it accepts a request, and the headers of its 2xx that say so.

    Source: RFC 4028 9.
    """
    asked = _asked(request)
    if asked is None:
        return None, ()
    interval, refresher = max(asked[0], MIN_SE), asked[1] or ("uac" if _knows(request) else "uas")
    headers = [("Session-Expires", f"{interval};refresher={refresher}")]
    if refresher == "uac":
        headers.append(("Require", OPTION))
    return start(interval, now, refreshes=refresher == "uas"), headers


def granted(response: Response, now: float) -> SessionTimer | None:
    """Return the timer that a client keeps because of a 2xx, None if it grants none.

    Source: RFC 4028 7.2.
    """
    answer = _asked(response)
    if answer is None:
        return None
    return start(max(answer[0], MIN_SE), now, refreshes=answer[1] != "uas")


def refresh_headers(timer: SessionTimer) -> list[tuple[str, str]]:
    """Return the headers of a request of ours that refreshes."""
    refresher = "uac" if timer.refreshes else "uas"
    return [("Supported", OPTION), ("Session-Expires", f"{timer.interval};refresher={refresher}")]


def allows_update(message: Request | Response) -> bool | None:
    """Say whether the sender serves UPDATE, None when it does not say what it serves."""
    if "allow" not in message.headers:
        return None
    return "update" in option_tags(message, "allow")


def _asked(message: Request | Response) -> tuple[int, str] | None:
    """Return the interval and the refresher, empty if it is left open; what cannot be read is not there."""
    try:
        value = message.one(SESSION_EXPIRES)
    except ValueError:
        return None
    if value is None:
        return None
    return value.seconds, (value.params.get("refresher") or "").lower()


def _knows(request: Request) -> bool:
    return supports(request, OPTION)
