"""Offer and answer as a table: which offer is open, whose it is, and what may come next (RFC 3264, RFC 6337).

Where an offer or answer stands (INVITE, 2xx, ACK, reliable provisional response, PRACK, UPDATE) is
``server.sip.usage.offer``'s to know: each of the six placements of RFC 6337 2.2 is the same two events.
"""

from __future__ import annotations

STABLE, LOCAL_OFFER, REMOTE_OFFER = "Stable", "LocalOffer", "RemoteOffer"

TABLE: dict[tuple[str, str], str] = {
    (STABLE, "send-offer"): LOCAL_OFFER,
    (STABLE, "receive-offer"): REMOTE_OFFER,
    (LOCAL_OFFER, "receive-answer"): STABLE,
    (REMOTE_OFFER, "send-answer"): STABLE,
}
"""(state, event) -> next state; an offer that fails leaves all as it was before it."""

REFUSALS: dict[tuple[str, str], int] = {
    (LOCAL_OFFER, "receive-offer"): 491,
    (REMOTE_OFFER, "receive-offer"): 500,
}
"""What the peer's offer is answered with when one is open: ours (glare), or its own (RFC 3311 5.2, RFC 3261 14.2)."""
