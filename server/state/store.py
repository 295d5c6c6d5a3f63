"""The state tier as the engine sees it: a library of call states, each on loan to one engine at a time.

A store keeps blobs and deadlines and knows no SIP. Every implementation passes one behaviour suite
(``tests/server/state/suite.py``).

A loan is fenced: each carries a token that no other loan of the store ever had, and whoever writes shows it. Once the
call was given back, removed, or lent to somebody else, the token is stale, and the write changes nothing.

A call has two deadlines on the store's clock, both set by the check-in. At ``next_due`` a ``poll`` hands the call out;
that does not use the deadline up: an ``unlock`` without a check-in leaves the call due, so that no timer is lost with
the engine that took it. At ``expires`` the call is gone, unless it is on loan; then the check-in decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from server.clock import Deadline

TOMBSTONE: Final = 64.0
"""Seconds for which a removed call should not begin anew: twice as long as a peer repeats a request (64 T1)."""

MAX_STATE: Final = 65_536
"""Bytes of one encoded call state, unless the store is told otherwise."""


class Checkout(msgspec.Struct, frozen=True, gc=False):
    """A call state on loan.

    Shape: ``version`` is that of the state, 0 for a new call; ``state`` is None for a new call and when the caller's
    cached version is current; ``due`` says that ``poll`` gave it out because a timer is due.
    """

    key: str
    token: int
    version: int
    state: bytes | None
    due: bool = False

    @property
    def new(self) -> bool:
        """Whether the call was never checked in."""
        return self.version == 0


class Poll(msgspec.Struct, frozen=True):
    """What a poll found: calls with due timers, locked for this engine, and when to poll next.

    Shape: ``next_due`` lies in the past when ``limit`` left due calls over, and is None when nothing is scheduled.
    """

    due: list[Checkout]
    next_due: Deadline | None


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What a store holds, and what it counted since the start.

    Units: ``state_bytes`` bytes of encoded state.
    """

    calls: int
    locked: int
    state_bytes: int
    aliases: int
    tombstones: int
    check_outs: int
    refused: int
    expired: int


class StateStore(Protocol):
    """What every state tier can do.

    Errors: every method may raise PartitionUnavailableError, when nothing is known of the outcome and the same request
    may be repeated.
    """

    @property
    def incarnation(self) -> str:
        """The name of this user of the store, another one after each start."""
        ...

    def check_out(self, key: str, *, create: bool = False, cached: int = -1, wait: float = 0.0) -> Checkout:
        """Lock a call and read it; ``cached`` is the version that the caller has already.

        Units: ``wait`` seconds to wait for the lock.
        Errors: CallStateLostError without such a call (and without ``create``) and under a tombstone;
        CallStateLockedError when somebody else has it.
        Switches: the embedded store only when it waits; a store behind a network always.
        """
        ...

    def check_in(self, checkout: Checkout, state: bytes, *, next_due: Deadline | None, expires: Deadline | None) -> int:
        """Write a call and unlock it; return the new version.

        Errors: StaleTokenError when the lock was lost; NotReplicatedError; CallStateTooLargeError, and the call stays
        on loan.
        """
        ...

    def unlock(self, checkout: Checkout) -> None:
        """Unlock a call without a change; nothing happens when the lock was lost."""
        ...

    def remove(self, checkout: Checkout, *, tombstone: float = 0.0) -> None:
        """Remove a call; with a ``tombstone`` its key cannot begin a call anew for so long.

        A tombstone is for keys that name one call, so that a late repetition does not begin it again (``TOMBSTONE``);
        a key that names a thing, such as an address of record, gets none.

        Units: ``tombstone`` seconds.
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

    def statistics(self) -> StoreStatistics:
        """Return what the store holds and counted."""
        ...
