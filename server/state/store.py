"""The state tier as the engine sees it: a library of call states, each on loan to one engine at a time.

A store keeps blobs and deadlines and knows no SIP. Every implementation passes one behaviour suite.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from server.clock import Deadline


class Checkout(msgspec.Struct, frozen=True):
    """A call state on loan.

    Shape: ``version`` is that of the state, 0 for a new call; ``state`` is None for a new call and when the caller's
    cached version is current; ``due`` says that ``poll`` gave it out because a timer is due.
    """

    key: str
    token: int
    version: int
    state: bytes | None
    due: bool = False


class Poll(msgspec.Struct, frozen=True):
    """What a poll found: calls with due timers, locked for this engine, and when the next one will be due."""

    due: list[Checkout]
    next_due: Deadline | None


class StateStore(Protocol):
    """What every state tier can do.

    Errors: every method may raise PartitionUnavailableError, when nothing is known of the outcome and the same request
    may be repeated.
    """

    incarnation: str

    def check_out(self, key: str, *, create: bool = False, cached: int = -1, wait: float = 0.0) -> Checkout:
        """Lock a call and read it; ``cached`` is the version that the caller has already.

        Units: ``wait`` seconds to wait for the lock.
        Errors: CallStateLostError without such a call (and without ``create``), CallStateLockedError.
        """
        ...

    def check_in(self, checkout: Checkout, state: bytes, *, next_due: Deadline | None, expires: Deadline | None) -> int:
        """Write a call and unlock it; return the new version.

        Errors: StaleTokenError when the lock was lost, NotReplicatedError, CallStateTooLargeError.
        """
        ...

    def unlock(self, checkout: Checkout) -> None:
        """Unlock a call without a change; nothing happens when the lock was lost."""
        ...

    def remove(self, checkout: Checkout) -> None:
        """Remove a call.

        Errors: StaleTokenError.
        """
        ...

    def poll(self, limit: int = 50) -> Poll:
        """Give a sign of life and take calls whose timers are due and that nobody works on."""
        ...

    def alias(self, name: str, key: str, ttl: float) -> None:
        """Have ``resolve(name)`` give ``key`` for ``ttl`` seconds."""
        ...

    def resolve(self, name: str) -> str | None:
        """Return the key of an alias."""
        ...

    def peek(self, key: str) -> tuple[int, bytes] | None:
        """Return version and state as they were checked in last, to read only."""
        ...

    def now(self) -> Deadline:
        """Return the time on the store's clock."""
        ...
