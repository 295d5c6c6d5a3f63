"""Who a caller is, said by others than himself, and what he wants hidden: what may come in and what may go out.

An asserted identity is worth what its sender is: that of a stranger is dropped where it comes in. What the caller wants
kept private leaves for trusted peers only.

Source: RFC 3325 5, 7; RFC 3323 4, 5; RFC 7044 10.1.
"""

from __future__ import annotations

from typing import TypeVar

from server.sip.headers.table import PRIVACY
from server.sip.message import Message, Request

M = TypeVar("M", bound=Message)

ASSERTED, PREFERRED, HISTORY = "P-Asserted-Identity", "P-Preferred-Identity", "History-Info"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

HIDDEN = {"id": (ASSERTED,), "history": (HISTORY,), "header": (HISTORY,), "user": (ASSERTED, HISTORY)}
"""What is asked to be kept private -> the headers that strangers do not get."""

KEPT = frozenset({"id", "history", "header", "user", "none", "critical"})
"""Kinds of privacy that are given here; that of the media (``session``) is not."""


def privacy_of(message: Message) -> frozenset[str]:
    """Return the kinds of privacy that are asked for, in lower case; what cannot be read asks for all that is given."""
    try:
        kinds = message.one(PRIVACY)
    except ValueError:
        return KEPT - {"none"}
    return frozenset(kinds or ())


def is_impossible(request: Request) -> bool:
    """Say whether a request asks for a kind of privacy that is not given here, and rather not to be sent than without.

    Source: RFC 3323 5: then it is refused with 500.
    """
    if "privacy" not in request.headers.first:
        return False
    kinds = privacy_of(request)
    return "critical" in kinds and not kinds <= KEPT


def believed(message: M) -> M:
    """Return a message of a stranger without what he asserts of whom it is from."""
    return message.without(ASSERTED) if ASSERTED.lower() in message.headers.first else message


def leaving(message: M) -> M:
    """Return a message as it goes to a stranger: without what is to be kept private.

    ``none`` asks for the contrary, and for nothing to be hidden.
    """
    kinds = privacy_of(message)
    if "none" in kinds:
        return message
    for kind in kinds & HIDDEN.keys():
        for name in HIDDEN[kind]:
            if name.lower() in message.headers.first:
                message = message.without(name)
    return message


def asserted(request: Request, identity: str) -> Request:
    """Return a request as a proxy passes it on: with who its sender has proved to be, without whom he wants to be.

    What a trusted peer asserts stays; ``identity`` is empty where nobody was asked.

    Source: RFC 3325 5.
    """
    first = request.headers.first
    if PREFERRED.lower() in first:
        request = request.without(PREFERRED)
    if identity and ASSERTED.lower() not in first:
        request = request.with_added(ASSERTED, f"<{identity}>")
    return request
