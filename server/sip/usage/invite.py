"""The user agent server repeats its 2xx until the ACK comes (RFC 3261 13.3.1.4); the transaction does not."""

from __future__ import annotations

import msgspec

from server.sip.effects import Deliver, Effect, Send
from server.sip.message import Response
from server.sip.timers import TimerSettings, next_wait


class AcceptedInvite(msgspec.Struct, frozen=True, array_like=True):
    """A 2xx that waits for its ACK.

    Units: deadlines and interval in seconds.
    """

    cseq: int
    response: bytes
    interval: float
    resend_at: float
    give_up_at: float

    @property
    def next_due(self) -> float:
        """The earliest deadline."""
        return min(self.resend_at, self.give_up_at)


def accept(response: Response, cseq: int, now: float, settings: TimerSettings) -> AcceptedInvite:
    """Begin to wait for the ACK to a 2xx that is being sent."""
    return AcceptedInvite(cseq, response.wire(), settings.t1, now + settings.t1, now + 64 * settings.t1)


def expire(
    accepted: AcceptedInvite, now: float, settings: TimerSettings
) -> tuple[AcceptedInvite | None, tuple[Effect, ...]]:
    """Repeat the 2xx, or give up: ``Deliver("no-ack")`` and nothing left.

    The waits are those of timer G, on any transport; repetitions that were missed are sent as one.
    """
    if now >= accepted.give_up_at:
        return None, (Deliver("no-ack"),)
    if now < accepted.resend_at:
        return accepted, ()
    interval, resend_at = accepted.interval, accepted.resend_at
    while resend_at <= now:
        interval = next_wait("G", interval, settings)
        resend_at += interval
    later = msgspec.structs.replace(accepted, interval=interval, resend_at=resend_at)
    return later, (Send(accepted.response),)
