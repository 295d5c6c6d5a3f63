"""Offer and answer as a table: which offer is open, whose it is, and what may come next (RFC 3264, RFC 6337).

A ``Negotiation`` is one value for each dialog. Where an offer or answer stands (INVITE, 2xx, ACK, reliable provisional
response, PRACK, UPDATE) is the caller's to know: each of the six placements of RFC 6337 2.2 is the same two events.
"""

from __future__ import annotations

import msgspec

from server.errors import IllegalTransitionError

STABLE, LOCAL_OFFER, REMOTE_OFFER = "Stable", "LocalOffer", "RemoteOffer"

TABLE: dict[tuple[str, str], str] = {
    (STABLE, "send-offer"): LOCAL_OFFER,
    (STABLE, "receive-offer"): REMOTE_OFFER,
    (LOCAL_OFFER, "receive-answer"): STABLE,
    (LOCAL_OFFER, "fail"): STABLE,
    (REMOTE_OFFER, "send-answer"): STABLE,
    (REMOTE_OFFER, "fail"): STABLE,
}
"""(state, event) -> next state."""

REFUSALS: dict[tuple[str, str], int] = {
    (LOCAL_OFFER, "receive-offer"): 491,
    (REMOTE_OFFER, "receive-offer"): 500,
}
"""What the peer's offer is answered with when one is open: ours (glare), or its own (RFC 3311 5.2, RFC 3261 14.2)."""


class Negotiation(msgspec.Struct, frozen=True, array_like=True):
    """What was agreed, and what is open.

    Shape: ``local`` and ``remote`` are the descriptions in force, ``open`` the offer that has no answer yet.
    """

    state: str = STABLE
    local: bytes = b""
    remote: bytes = b""
    open: bytes = b""


def refusal_of(negotiation: Negotiation, event: str) -> int | None:
    """Return the status that refuses what the peer sent, None when it may be taken."""
    return REFUSALS.get((negotiation.state, event))


def is_allowed(negotiation: Negotiation, event: str) -> bool:
    """Say whether the table has the event: an answer of the peer that nothing asked for is to be ignored."""
    return (negotiation.state, event) in TABLE


def step(negotiation: Negotiation, event: str, sdp: bytes = b"") -> Negotiation:
    """Take an offer or an answer, or the failure of what is open: then all is as it was before the offer.

    Errors: IllegalTransitionError for what the table does not have (ours: ask ``is_allowed`` first).
    """
    state = TABLE.get((negotiation.state, event))
    if state is None:
        raise IllegalTransitionError("offer/answer", negotiation.state, event)
    change = msgspec.structs.replace
    if state != STABLE:
        return change(negotiation, state=state, open=sdp)
    if event == "receive-answer":
        return change(negotiation, state=state, local=negotiation.open, remote=sdp, open=b"")
    if event == "send-answer":
        return change(negotiation, state=state, local=sdp, remote=negotiation.open, open=b"")
    return change(negotiation, state=state, open=b"")
