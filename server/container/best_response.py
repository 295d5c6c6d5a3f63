"""Which of several final responses a proxy passes on, and what it adds to it.

Source: RFC 3261 16.7 steps 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from server.sip.codec import parse_message
from server.sip.message import Response

INFORMATIVE = frozenset({401, 407, 415, 420, 484})
"""Failures that say how to ask again: preferred among the 4xx."""

SILENT = frozenset({408, 487})
"""Failures that say nothing of the callee: the last choice among the 4xx."""

CHALLENGES = frozenset({401, 407})
CHALLENGE_HEADERS = ("WWW-Authenticate", "Proxy-Authenticate")


class Final(Protocol):
    """A branch that has ended; ``status`` 0 says that others have taken its place (a redirection that was followed)."""

    @property
    def status(self) -> int:
        """The final status."""
        ...

    @property
    def response(self) -> bytes:
        """The final response, empty when nobody sent it."""
        ...


F = TypeVar("F", bound=Final)


def best_of(branches: Sequence[F], *, cancelled: bool = False) -> F:
    """Return the branch whose failure is to be passed on: the first of the lowest rank.

    A branch of status 0 is chosen only if there is no other.
    """
    return min(branches, key=lambda branch: _rank(branch.status, cancelled=cancelled))


def _rank(status: int, *, cancelled: bool) -> tuple[int, int]:
    """Return the order of a status: any 6xx first, then the lower class; 487 first of all after a CANCEL."""
    if not status:
        return 9, 0
    if status >= 600:
        return 0, 0
    if cancelled and status == 487:
        return 1, 0
    return status // 100, 0 if status in INFORMATIVE else 2 if status in SILENT else 1


def status_to_send(status: int) -> int:
    """Return the status as it is passed on: a 503 would say that this proxy is overloaded (RFC 3261 16.7 step 6)."""
    return 500 if status == 503 else status or 408


def with_challenges(response: Response, others: Iterable[Final]) -> Response:
    """Return a challenge with those of the other branches, whose order and values stay as they are.

    Source: RFC 3261 16.7 step 7, 22.3.
    """
    if response.status not in CHALLENGES:
        return response
    for other in others:
        if other.status in CHALLENGES and other.response:
            further = parse_message(other.response)
            for name in CHALLENGE_HEADERS:
                for value in further.headers.get_all(name):
                    response = response.with_added(name, value)
    return response
