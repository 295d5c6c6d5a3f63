"""Subscriptions to events: what a notifier grants, what a subscriber is told, until when it holds (RFC 6665).

A dialog has any number of them, told apart by their event and its id; ``key_of`` is the name of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import msgspec

from server.sip.headers.table import EVENT, SUBSCRIPTION_STATE
from server.sip.message import Request, Response

DEFAULT_EXPIRES, MIN_EXPIRES, MAX_EXPIRES = 3600, 60, 7200
"""Seconds: what a notifier grants to who asks for nothing, the least and the most that it grants."""

REFER, REFER_EXPIRES = "refer", 180
"""The package that tells of a referral, and the seconds that the one who refers is told of it."""

TERMINATED = "terminated"

RATES: Mapping[str, float] = {
    "presence": 5.0,  # RFC 3856 6.10
    "presence.winfo": 5.0,  # RFC 3857 4.9
    "reg": 5.0,  # RFC 3680 4.10
    "dialog": 1.0,  # RFC 4235 3.10
    "message-summary": 1.0,  # RFC 3842 3.10
}
"""Event package -> seconds between two NOTIFYs of a change; others tell of every change at once."""

MARGIN = 60
"""Seconds before its end at which a subscription is renewed: time for a SUBSCRIBE that is sent again and again."""

REFRESH_ENDERS = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"""Answers to the SUBSCRIBE that refreshes after which there is nothing left to refresh."""


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """One subscription.

    Shape: ``state`` is that of Subscription-State, empty before the first NOTIFY; then ``expires`` is when a subscriber
    gives up waiting for it (timer N). ``next_at`` is when a notifier may tell of the next change, ``is_behind`` says
    that there is one; ``asked``, ``accept`` and ``renew_at`` are what a subscriber renews with and when.
    Units: ``expires``, ``next_at`` and ``renew_at`` are deadlines; ``asked`` seconds, 0 for not to renew.
    """

    event: str
    is_notifier: bool
    state: str
    expires: float
    next_at: float = 0.0
    is_behind: bool = False
    asked: int = 0
    accept: str = ""
    renew_at: float = inf

    @property
    def next_due(self) -> float:
        """The earliest deadline."""
        return min(self.expires, self.next_at if self.is_behind else inf, self.renew_at)


class Told(NamedTuple):
    """What a NOTIFY says of its subscription; ``retry_after`` seconds, -1 if it says nothing of them."""

    state: str
    expires: int
    reason: str = ""
    retry_after: int = -1


def key_of(message: Request | Response) -> str | None:
    """Return the event and its id as one text, which is the value of an Event header; None without an event.

    A REFER has none, but its number is the id of the subscription that it begins (RFC 3515 2.4.6).
    """
    if message.method == "REFER":
        return f"{REFER};id={message.cseq.number}"
    try:
        event = message.one(EVENT)
    except ValueError:
        return None
    if event is None:
        return None
    number = event.params.get("id")
    return f"{event.value};id={number}" if number else event.value


def package_of(key: str) -> str:
    """Return the event package."""
    return key.partition(";")[0]


def granted(request: Request) -> int:
    """Return how long a subscription is granted that asks for so much; 0 ends it.

    Units: seconds.
    """
    asked = request.expires
    return DEFAULT_EXPIRES if asked is None else min(asked, MAX_EXPIRES)


def subscribes(request: Request) -> bool:
    """Say whether a request asks for a subscription: a REFER does unless it says no (RFC 4488)."""
    if request.method == "REFER":
        return (request.headers.get("refer-sub") or "").strip().lower() != "false"
    return request.method == "SUBSCRIBE"


def is_too_brief(request: Request) -> bool:
    """Say whether a subscription asks for less than is granted, which is refused with 423."""
    return request.expires is not None and 0 < request.expires < MIN_EXPIRES


def state_header(subscription: Subscription, now: float, end: str = "") -> str:
    """Return the Subscription-State of a NOTIFY; ``end`` is the reason of its end.

    Source: RFC 6665 4.1.3.
    """
    if end:
        return f"{TERMINATED};reason={end}"
    return f"{subscription.state};expires={max(0, round(subscription.expires - now))}"


def renewal(seconds: int) -> float:
    """Return how long to wait before a subscription is renewed that is granted for so long.

    Units: seconds.
    """
    return seconds - MARGIN if seconds >= 2 * MARGIN else seconds / 2


def told(notify: Request) -> Told | None:
    """Read the Subscription-State of a NOTIFY, None when there is none that can be read."""
    try:
        value = notify.one(SUBSCRIPTION_STATE)
    except ValueError:
        return None
    if value is None:
        return None
    params = value.params
    return Told(
        value.value.lower(),
        _number(params.get("expires"), DEFAULT_EXPIRES),
        (params.get("reason") or "").lower(),
        _number(params.get("retry-after"), -1),
    )


def is_dropped(response: Response) -> bool:
    """Say whether a notifier forgets the subscription because of the answer to its NOTIFY.

    Source: RFC 6665 4.2.2.
    """
    return response.status == 481 or (response.status >= 300 and "retry-after" not in response.headers)


def is_refresh_refused(response: Response) -> bool:
    """Say whether a refused refresh ends our subscription; after any other refusal it holds until its time is over.

    Source: RFC 6665 4.1.2.2.
    """
    return response.status in REFRESH_ENDERS


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else default
