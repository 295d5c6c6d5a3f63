"""How long to wait before a request is sent again that met one of the peer's (491; RFC 3261 14.1, RFC 3311 5.1)."""

from __future__ import annotations

STEP = 0.01
"""Seconds: the waits are multiples of it."""

OWNER, OTHER = (2.1, 4.0), (0.0, 2.0)
"""Seconds: the shortest and the longest wait of who began the Call-ID, and of the other."""


def choices(*, is_owner: bool) -> int:
    """Return how many waits there are to choose from."""
    low, high = OWNER if is_owner else OTHER
    return round((high - low) / STEP) + 1


def wait(choice: int, *, is_owner: bool) -> float:
    """Return one of the waits.

    Units: seconds.
    """
    return (OWNER if is_owner else OTHER)[0] + choice * STEP
