"""Where offers and answers stand in the messages of a dialog: the events of ``server.sip.offer_answer`` (RFC 6337 2).

A session description in an INVITE, an UPDATE, a PRACK, a 2xx, a reliable provisional response or an ACK answers the
offer that is open, or else is an offer. In other responses it says nothing that counts.
"""

from __future__ import annotations

from collections.abc import Callable

from server.sip.message import Request, Response
from server.sip.multipart import content_of
from server.sip.offer_answer import LOCAL_OFFER, REMOTE_OFFER, STABLE, TABLE
from server.sip.usage.options import option_tags

SDP = "application/sdp"

CARRIERS = frozenset({"INVITE", "UPDATE", "PRACK"})
"""Methods whose requests and responses may carry a description."""


def has_sdp(message: Request | Response) -> bool:
    """Say whether the body, or a part of it, is a session description."""
    text = message.content_type if message.body else None
    if text is None:
        return False
    kind = text if text == SDP else text.partition(";")[0].strip().lower()
    return kind == SDP or (kind.startswith("multipart/") and content_of(message.body, text, SDP) is not None)


def is_reliable(response: Response) -> bool:
    """Say whether a provisional response has to be acknowledged by PRACK (RFC 3262 3)."""
    return 100 < response.status < 200 and "rseq" in response.headers and "100rel" in option_tags(response, "require")


def after_request(state: str, request: Request, *, sent: bool) -> str:
    """Return the state when a request was sent, or received and not refused."""
    open_one = REMOTE_OFFER if sent else LOCAL_OFFER
    if not has_sdp(request):
        return STABLE if request.method == "ACK" and state == open_one else state
    if state == open_one:
        return TABLE[state, "send-answer" if sent else "receive-answer"]
    if request.method not in CARRIERS:
        return state
    return TABLE.get((state, "send-offer" if sent else "receive-offer"), state)


def after_response(state: str, response: Response, *, sent: bool, has_offer: Callable[[], bool]) -> str:
    """Return the state when a response was sent or received.

    Shape: ``has_offer()`` says whether its request had a description; it is asked only when that matters.
    """
    if response.method not in CARRIERS:
        return state
    open_one = REMOTE_OFFER if sent else LOCAL_OFFER
    if response.status >= 300:
        return STABLE if state == open_one else state
    if not has_sdp(response) or (response.status < 200 and not is_reliable(response)):
        return state
    if state == open_one:
        return TABLE[state, "send-answer" if sent else "receive-answer"]
    if has_offer():
        return state
    return TABLE.get((state, "send-offer" if sent else "receive-offer"), state)
