"""The user agent server repeats its 2xx until the ACK comes (RFC 3261 13.3.1.4); the transaction does not."""

from __future__ import annotations

from server.sip.effects import Effect
from server.sip.message import Response
from server.sip.timers import TimerSettings
from server.sip.usage import repeated
from server.sip.usage.repeated import Repeated, schedule


class AcceptedInvite(Repeated, frozen=True, array_like=True):
    """A 2xx that waits for its ACK."""

    cseq: int


def accept(response: Response, cseq: int, now: float, settings: TimerSettings) -> AcceptedInvite:
    """Begin to wait for the ACK to a 2xx that is being sent."""
    return AcceptedInvite(response.wire(), *schedule(now, settings), cseq)


def expire(
    accepted: AcceptedInvite, now: float, settings: TimerSettings
) -> tuple[AcceptedInvite | None, tuple[Effect, ...]]:
    """Repeat the 2xx, with the waits of timer G, or give up: ``Deliver("no-ack")`` and nothing left."""
    return repeated.expire(accepted, "G", "no-ack", now, settings)
