"""What a user agent server repeats until it is acknowledged: a 2xx until its ACK, a reliable 1xx until its PRACK."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from server.sip.effects import Deliver, Effect, Send
from server.sip.timers import TimerSettings, next_wait

W = TypeVar("W", bound="Repeated")


class Repeated(msgspec.Struct, frozen=True, array_like=True):
    """A response that waits to be acknowledged.

    Units: deadlines and interval in seconds.
    """

    response: bytes
    interval: float
    resend_at: float
    give_up_at: float

    @property
    def next_due(self) -> float:
        """The earliest deadline."""
        return min(self.resend_at, self.give_up_at)


def schedule(now: float, settings: TimerSettings) -> tuple[float, float, float]:
    """Return interval, ``resend_at`` and ``give_up_at`` of a response that is being sent."""
    return settings.t1, now + settings.t1, now + 64 * settings.t1


def expire(
    waiting: W, timer: str, event: str, now: float, settings: TimerSettings
) -> tuple[W | None, tuple[Effect, ...]]:
    """Repeat the response, or give up: ``Deliver(event)`` and nothing left.

    The waits are those of ``timer``, on any transport; repetitions that were missed are sent as one.
    """
    if now >= waiting.give_up_at:
        return None, (Deliver(event),)
    if now < waiting.resend_at:
        return waiting, ()
    interval, resend_at = waiting.interval, waiting.resend_at
    while resend_at <= now:
        interval = next_wait(timer, interval, settings)
        resend_at += interval
    later = msgspec.structs.replace(waiting, interval=interval, resend_at=resend_at)
    return later, (Send(waiting.response),)
