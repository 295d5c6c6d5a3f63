"""A provisional response that repeats until its PRACK comes (RFC 3262)."""

from __future__ import annotations

from server.sip.effects import Effect
from server.sip.headers.plain import RAck
from server.sip.message import Response
from server.sip.timers import TimerSettings
from server.sip.usage import repeated
from server.sip.usage.repeated import Repeated, schedule


class Reliable(Repeated, frozen=True, array_like=True):
    """A provisional response that waits for its PRACK."""

    rseq: int
    cseq: int


def begin(response: Response, rseq: int, now: float, settings: TimerSettings) -> Reliable:
    """Begin to wait for the PRACK to a response that is being sent."""
    return Reliable(response.wire(), *schedule(now, settings), rseq, response.cseq.number)


def is_acknowledged(reliable: Reliable | None, rack: RAck) -> bool:
    """Say whether a PRACK is for the response that waits."""
    return reliable is not None and (rack.response, rack.cseq, rack.method) == (
        reliable.rseq,
        reliable.cseq,
        "INVITE",
    )


def expire(reliable: Reliable, now: float, settings: TimerSettings) -> tuple[Reliable | None, tuple[Effect, ...]]:
    """Repeat the response, or give up: ``Deliver("no-prack")`` and nothing left.

    The waits double without end, as those of timer A.

    Source: RFC 3262 3.
    """
    return repeated.expire(reliable, "A", "no-prack", now, settings)
