"""The embedded state tier: one process, nothing to set up, the default.

It keeps encoded bytes, not objects, as any other store does; so every test of one process tests the same path, and idle
calls cost the garbage collector nothing.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from secrets import token_hex

from gevent.event import Event

from server.clock import Clock, Deadline
from server.errors import CallStateLockedError, CallStateLostError, CallStateTooLargeError, StaleTokenError
from server.state.store import Checkout, Poll

MAX_STATE = 65_536


class _Entry:
    __slots__ = ("due", "expires", "owner", "released", "state", "version")

    def __init__(self) -> None:
        self.state: bytes | None = None
        self.version = 0
        self.owner = 0
        self.due: float | None = None
        self.expires: float | None = None
        self.released: Event | None = None


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """What the store holds."""

    calls: int
    locked: int
    state_bytes: int
    aliases: int


class MemoryStore:
    """Call states in a dict, due times on a heap.

    Units: ``epoch`` is the time of day when the store began; its clock goes on from there, monotonic.
    """

    def __init__(self, clock: Clock, epoch: float) -> None:
        self._monotonic = clock.monotonic
        self._offset = epoch - clock.monotonic()
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[float, str]] = []
        self._aliases: dict[str, tuple[str, float]] = {}
        self._token = 0
        self.incarnation = token_hex(8)

    def now(self) -> Deadline:
        """Return the time on the store's clock."""
        return Deadline(self._monotonic() + self._offset)

    def check_out(self, key: str, *, create: bool = False, cached: int = -1, wait: float = 0.0) -> Checkout:
        """Lock a call and read it."""
        entry = self._entries.get(key)
        if entry is None:
            if not create:
                raise CallStateLostError(key, "there is no such call")
            entry = self._entries[key] = _Entry()
        elif entry.owner:
            if not self._wait(entry, wait):
                raise CallStateLockedError(key, "the call is being worked on")
            return self.check_out(key, create=create, cached=cached)
        self._token += 1
        entry.owner = self._token
        state = None if entry.version == cached else entry.state
        return Checkout(key, self._token, entry.version, state)

    def check_in(self, checkout: Checkout, state: bytes, *, next_due: Deadline | None, expires: Deadline | None) -> int:
        """Write a call and unlock it."""
        entry = self._owned(checkout)
        if len(state) > MAX_STATE:
            raise CallStateTooLargeError(checkout.key, f"{len(state)} bytes; the limit is {MAX_STATE}")
        entry.state = state
        entry.version += 1
        entry.expires = expires
        if next_due is not None and next_due != entry.due:
            heapq.heappush(self._heap, (next_due, checkout.key))
            if len(self._heap) > 64 and len(self._heap) > 4 * len(self._entries):
                self._heap = [(e.due, key) for key, e in self._entries.items() if e.due is not None]
                self._heap.append((next_due, checkout.key))
                heapq.heapify(self._heap)
        entry.due = next_due
        self._release(entry)
        return entry.version

    def unlock(self, checkout: Checkout) -> None:
        """Unlock a call without a change; one that was never written is gone."""
        entry = self._entries.get(checkout.key)
        if entry is not None and entry.owner == checkout.token:
            if entry.state is None:
                del self._entries[checkout.key]
            self._release(entry)

    def remove(self, checkout: Checkout) -> None:
        """Remove a call."""
        entry = self._owned(checkout)
        del self._entries[checkout.key]
        self._release(entry)

    def poll(self, limit: int = 50) -> Poll:
        """Take calls whose timers are due and that nobody works on."""
        now = self.now()
        found: list[Checkout] = []
        locked: list[tuple[float, str]] = []
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            due, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry.due != due:
                continue
            if entry.owner:
                locked.append((due, key))
                continue
            self._token += 1
            entry.owner, entry.due = self._token, None
            found.append(Checkout(key, self._token, entry.version, entry.state, due=True))
        for waiting in locked:
            heapq.heappush(self._heap, waiting)
        self._aliases = {name: alias for name, alias in self._aliases.items() if alias[1] > now}
        return Poll(found, Deadline(self._heap[0][0]) if self._heap else None)

    def alias(self, name: str, key: str, ttl: float) -> None:
        """Have ``resolve(name)`` give ``key`` for ``ttl`` seconds."""
        self._aliases[name] = (key, self.now() + ttl)

    def resolve(self, name: str) -> str | None:
        """Return the key of an alias."""
        found = self._aliases.get(name)
        return found[0] if found is not None and found[1] > self.now() else None

    def peek(self, key: str) -> tuple[int, bytes] | None:
        """Return version and state as they were checked in last."""
        entry = self._entries.get(key)
        return None if entry is None or entry.state is None else (entry.version, entry.state)

    def statistics(self) -> MemoryStatistics:
        """Return what the store holds."""
        entries = self._entries.values()
        return MemoryStatistics(
            len(entries),
            sum(1 for e in entries if e.owner),
            sum(len(e.state) for e in entries if e.state is not None),
            len(self._aliases),
        )

    def _owned(self, checkout: Checkout) -> _Entry:
        entry = self._entries.get(checkout.key)
        if entry is None or entry.owner != checkout.token:
            raise StaleTokenError(checkout.key, f"token {checkout.token} does not hold the call any more")
        return entry

    @staticmethod
    def _wait(entry: _Entry, wait: float) -> bool:
        if wait <= 0:
            return False
        if entry.released is None:
            entry.released = Event()
        return bool(entry.released.wait(wait))

    @staticmethod
    def _release(entry: _Entry) -> None:
        entry.owner = 0
        if entry.released is not None:
            entry.released.set()
            entry.released = None
