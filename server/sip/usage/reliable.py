"""A provisional response that repeats until its PRACK comes (RFC 3262)."""

from __future__ import annotations

import msgspec

from server.sip.effects import Deliver, Effect, Send
from server.sip.headers.plain import RAck
from server.sip.message import Response
from server.sip.timers import TimerSettings, next_wait


class Reliable(msgspec.Struct, frozen=True, array_like=True):
    """A provisional response that waits for its PRACK.

    Units: deadlines and interval in seconds.
    """

    rseq: int
    cseq: int
    response: bytes
    interval: float
    resend_at: float
    give_up_at: float

    @property
    def next_due(self) -> float:
        """The earliest deadline."""
        return min(self.resend_at, self.give_up_at)


def begin(response: Response, rseq: int, now: float, settings: TimerSettings) -> Reliable:
    """Begin to wait for the PRACK to a response that is being sent."""
    cseq, wire = response.cseq.number, response.wire()
    return Reliable(rseq, cseq, wire, settings.t1, now + settings.t1, now + 64 * settings.t1)


def is_acknowledged(reliable: Reliable | None, rack: RAck) -> bool:
    """Say whether a PRACK is for the response that waits."""
    return reliable is not None and (rack.response, rack.cseq, rack.method) == (
        reliable.rseq,
        reliable.cseq,
        "INVITE",
    )


def expire(reliable: Reliable, now: float, settings: TimerSettings) -> tuple[Reliable | None, tuple[Effect, ...]]:
    """Repeat the response, or give up: ``Deliver("no-prack")`` and nothing left.

    The waits double without end, as those of timer A; repetitions that were missed are sent as one.

    Source: RFC 3262 3.
    """
    if now >= reliable.give_up_at:
        return None, (Deliver("no-prack"),)
    if now < reliable.resend_at:
        return reliable, ()
    interval, resend_at = reliable.interval, reliable.resend_at
    while resend_at <= now:
        interval = next_wait("A", interval, settings)
        resend_at += interval
    later = msgspec.structs.replace(reliable, interval=interval, resend_at=resend_at)
    return later, (Send(reliable.response),)
