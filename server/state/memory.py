"""The embedded state tier: one process, nothing to set up, the default.

It keeps encoded bytes, not objects, as any other store does; so every test of one process tests the same path, and idle
calls cost the garbage collector nothing. Who has a call on loan cannot die without the store, so a loan has no time
limit here, and a token is a number that grows.
"""

from __future__ import annotations

from math import inf
from secrets import token_hex

from gevent.event import Event

from server.clock import Clock, Deadline
from server.errors import CallStateLockedError, CallStateLostError, CallStateTooLargeError, StaleTokenError
from server.state.deadlines import Deadlines
from server.state.store import MAX_STATE, Checkout, Poll, StoreStatistics

LOOK_AGAIN = 0.1
"""Seconds after which a due call that was on loan is looked at again."""


class _Entry:
    __slots__ = ("due", "expires", "owner", "released", "state", "version")

    def __init__(self) -> None:
        self.state: bytes | None = None
        self.version = 0
        self.owner = 0
        self.due: float | None = None
        self.expires: float | None = None
        self.released: Event | None = None


class MemoryStore:
    """Call states in a dict, deadlines on heaps.

    Units: ``epoch`` is the time of day when the store began; its clock goes on from there, monotonic.
    """

    def __init__(self, clock: Clock, epoch: float, *, max_state_bytes: int = MAX_STATE) -> None:
        self._monotonic = clock.monotonic
        self._offset = epoch - clock.monotonic()
        self._max_state_bytes = max_state_bytes
        self._entries: dict[str, _Entry] = {}
        self._due = Deadlines()
        self._expiring = Deadlines()
        self._tombstones = Deadlines()
        self._aliases: dict[str, str] = {}
        self._alias_ends = Deadlines()
        self._token = 0
        self._refused = self._expired = 0
        self.incarnation = token_hex(8)

    def now(self) -> Deadline:
        """Return the time on the store's clock."""
        return Deadline(self._monotonic() + self._offset)

    def check_out(self, key: str, *, create: bool = False, cached: int = -1, wait: float = 0.0) -> Checkout:
        """Lock a call and read it.

        Switches: only when ``wait`` is given and somebody else has the call.
        """
        entry = self._entries.get(key)
        if entry is not None and entry.owner:
            entry = self._wait(key, wait)
        if entry is not None and entry.expires is not None and entry.expires <= self.now():
            self._expire(key)
            entry = None
        if entry is None:
            entry = self._begin(key, create)
        self._token = entry.owner = token = self._token + 1
        return Checkout(key, token, entry.version, None if entry.version == cached else entry.state)

    def check_in(self, checkout: Checkout, state: bytes, *, next_due: Deadline | None, expires: Deadline | None) -> int:
        """Write a call and unlock it."""
        key = checkout.key
        entry = self._owned(checkout)
        if len(state) > self._max_state_bytes:
            raise CallStateTooLargeError(key, f"{len(state)} bytes; the limit is {self._max_state_bytes}")
        entry.state = state
        entry.version += 1
        if next_due != entry.due or checkout.due:
            entry.due = next_due
            _schedule(self._due, key, next_due)
        if expires != entry.expires:
            entry.expires = expires
            _schedule(self._expiring, key, expires)
        self._release(entry)
        return entry.version

    def unlock(self, checkout: Checkout) -> None:
        """Unlock a call without a change; one that was never written is gone."""
        entry = self._entries.get(checkout.key)
        if entry is None or entry.owner != checkout.token:
            return
        if entry.version == 0:
            del self._entries[checkout.key]
        elif checkout.due:
            _schedule(self._due, checkout.key, entry.due)
        self._release(entry)

    def remove(self, checkout: Checkout, *, tombstone: float = 0.0) -> None:
        """Remove a call."""
        entry = self._owned(checkout)
        self._forget(checkout.key)
        if tombstone > 0:
            self._tombstones.set(checkout.key, self.now() + tombstone)
        self._release(entry)

    def poll(self, limit: int = 50) -> Poll:
        """Take calls whose timers are due and that nobody works on; drop what is past its time."""
        now = self.now()
        self._sweep(now)
        found: list[Checkout] = []
        on_loan: list[tuple[str, float]] = []
        while len(found) < limit and (key := self._due.take(now)) is not None:
            entry = self._entries[key]
            if entry.owner:
                assert entry.due is not None
                on_loan.append((key, entry.due))
                continue
            self._token = entry.owner = token = self._token + 1
            found.append(Checkout(key, token, entry.version, entry.state, due=True))
        next_due = self._due.first()
        if on_loan:
            next_due = min(next_due, now + LOOK_AGAIN)
            for key, due in on_loan:
                self._due.set(key, due)
        return Poll(found, None if next_due == inf else Deadline(next_due))

    def alias(self, name: str, key: str, ttl: float) -> None:
        """Have ``resolve(name)`` give ``key`` for ``ttl`` seconds."""
        self._aliases[name] = key
        self._alias_ends.set(name, self.now() + ttl)

    def resolve(self, name: str) -> str | None:
        """Return the key of an alias."""
        return self._aliases[name] if self._alias_ends.at.get(name, -inf) > self.now() else None

    def peek(self, key: str) -> tuple[int, bytes] | None:
        """Return version and state as they were checked in last."""
        entry = self._entries.get(key)
        if entry is None or entry.state is None:
            return None
        if entry.expires is not None and not entry.owner and entry.expires <= self.now():
            return None
        return entry.version, entry.state

    def statistics(self) -> StoreStatistics:
        """Return what the store holds and counted; walks all calls."""
        entries = self._entries.values()
        return StoreStatistics(
            calls=len(entries),
            locked=sum(1 for entry in entries if entry.owner),
            state_bytes=sum(len(entry.state) for entry in entries if entry.state is not None),
            aliases=len(self._aliases),
            tombstones=len(self._tombstones.at),
            check_outs=self._token,
            refused=self._refused,
            expired=self._expired,
        )

    def _begin(self, key: str, create: bool) -> _Entry:
        if not create:
            raise CallStateLostError(key, "there is no such call")
        if self._tombstones.at.get(key, -inf) > self.now():
            raise CallStateLostError(key, "the call was removed a moment ago")
        entry = self._entries[key] = _Entry()
        return entry

    def _wait(self, key: str, wait: float) -> _Entry | None:
        """Wait until nobody has the call; return what is there then.

        A greenlet that comes between the release and the waiter's turn gets the call first: the waiter waits on.
        """
        limit = self._monotonic() + wait
        while (entry := self._entries.get(key)) is not None and entry.owner:
            left = limit - self._monotonic()
            if entry.released is None and left > 0:
                entry.released = Event()
            if entry.released is None or left <= 0 or not entry.released.wait(left):
                self._refused += 1
                raise CallStateLockedError(key, "the call is being worked on")
        return entry

    def _owned(self, checkout: Checkout) -> _Entry:
        entry = self._entries.get(checkout.key)
        if entry is None or entry.owner != checkout.token:
            raise StaleTokenError(checkout.key, f"token {checkout.token} does not hold the call any more")
        return entry

    def _sweep(self, now: float) -> None:
        """Drop calls, aliases and tombstones whose time is over; a call on loan stays, its check-in decides."""
        on_loan: list[str] = []
        while (key := self._expiring.take(now)) is not None:
            if self._entries[key].owner:
                on_loan.append(key)
            else:
                self._expire(key)
        for key in on_loan:
            _schedule(self._expiring, key, self._entries[key].expires)
        while (name := self._alias_ends.take(now)) is not None:
            del self._aliases[name]
        while self._tombstones.take(now) is not None:
            pass

    def _expire(self, key: str) -> None:
        self._expired += 1
        self._forget(key)

    def _forget(self, key: str) -> None:
        del self._entries[key]
        self._due.clear(key)
        self._expiring.clear(key)

    @staticmethod
    def _release(entry: _Entry) -> None:
        entry.owner = 0
        if entry.released is not None:
            entry.released.set()
            entry.released = None


def _schedule(deadlines: Deadlines, key: str, at: float | None) -> None:
    if at is None:
        deadlines.clear(key)
    else:
        deadlines.set(key, at)
