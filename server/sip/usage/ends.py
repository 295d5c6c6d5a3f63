"""What a refusal inside a dialog ends: only its transaction, the INVITE usage, or all that is in the dialog (RFC 5057).

A dialog whose target cannot be reached is over for every usage. Whoever does not know the dialog, or does not answer,
has lost the usage that he was asked in; OPTIONS, MESSAGE and what nobody knows belong to none. That a method is not
understood ends a usage only where the usage lives by it. Who says when to come again (Retry-After with 480) has lost
nothing: he is only not to be asked before.
"""

from __future__ import annotations

from server.sip.headers.table import RETRY_AFTER
from server.sip.message import Response

DIALOG_ENDERS = frozenset({404, 410, 416, 482, 483, 484, 485, 502, 604})
USAGE_ENDERS = frozenset({408, 480, 481})
METHOD_ENDERS = frozenset({405, 501})

INVITE_USAGE = frozenset({"INVITE", "UPDATE", "PRACK", "BYE", "INFO"})
"""Requests that belong to the INVITE usage (RFC 5057 5.3)."""

UNAVAILABLE = 480

NOTHING, USAGE, DIALOG = "", "usage", "dialog"


def ended_by(method: str, response: Response) -> str:
    """Return what a final response to a request in a dialog ends: ``NOTHING``, ``USAGE`` or ``DIALOG``.

    Source: RFC 5057 5.1 to 5.3; RFC 3261 12.2.1.2.
    """
    status = response.status
    if status in DIALOG_ENDERS:
        return DIALOG
    if method not in INVITE_USAGE:
        return NOTHING
    if status == UNAVAILABLE and retry_after(response) is not None:
        return NOTHING
    if status in USAGE_ENDERS or (status in METHOD_ENDERS and method == "INVITE"):
        return USAGE
    return NOTHING


def retry_after(response: Response) -> int | None:
    """Return after how many seconds the request may come again, None when the response does not say.

    Source: RFC 3261 20.33; RFC 5057 5.1 (note 7).
    """
    try:
        value = response.one(RETRY_AFTER)
    except ValueError:
        return None
    return None if value is None else value.seconds
