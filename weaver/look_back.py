"""Look back: the last marks of each call, kept when the call turns out to be of interest, dropped with the call if not.

A mark is a moment, a word and a detail, and costs next to nothing, so that all calls can have them. A ring holds the
last marks of one call. Memory is bounded: ``marks`` in a ring, ``calls`` with a ring, ``kept`` rings; a ring takes at
most ``RING_BYTES``, and ``MARK_BYTES`` for each mark, about 150 where the words are those of the code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar, Token
from dataclasses import dataclass
from time import perf_counter_ns, time_ns
from typing import Any

from weaver.redaction import hide_secrets

LENGTH = 64
"""Characters of a word or a detail that come from outside."""
NAME_LENGTH = 256
RING_BYTES = 1_024
"""Bytes of a ring of the usual size at most, without its marks."""
MARK_BYTES = 768
"""Bytes of a mark at most, with its texts."""

Mark = tuple[int, str, str | int]


class Ring(deque[Mark]):
    """The last marks of one call.

    Shape: ``names`` are what people know it by; ``caller`` is the URI of who has made it, and is shown nowhere.
    Units: moments of ``perf_counter_ns``.
    """

    __slots__ = ("call", "caller", "is_kept", "names")

    def __init__(self, call: str, size: int) -> None:
        super().__init__(maxlen=size)
        self.call = call
        self.is_kept = False
        self.names: tuple[str, ...] = ()
        self.caller = ""

    def add_name(self, name: str) -> None:
        """Note what people know the call by, such as its Call-ID."""
        if name and name not in self.names:
            self.names = (*self.names, name[:NAME_LENGTH])


@dataclass(frozen=True, slots=True)
class Kept:
    """A ring that is kept, and why.

    Units: ``at`` milliseconds since the epoch.
    """

    call: str
    reason: str
    at: int
    ring: Ring


@dataclass(frozen=True, slots=True)
class LookBackStatistics:
    """Counts of look back: calls with a ring, rings that are kept, and what went for want of room."""

    calls: int
    kept: int
    calls_dropped: int
    kept_dropped: int


_current: ContextVar[Ring | None] = ContextVar("look_back_ring", default=None)


def mark(word: str, detail: str | int = "") -> None:
    """Leave a mark in the ring of the call that is worked on; nothing happens when it has none."""
    ring = _current.get()
    if ring is not None:
        ring.append((perf_counter_ns(), word[:LENGTH], detail if isinstance(detail, int) else detail[:LENGTH]))


class LookBack:
    """The rings of all calls; those that are kept because they are ``DYED`` make room for others first."""

    DYED = "dyed"

    def __init__(self) -> None:
        self._live: dict[str, Ring] = {}
        self._kept: dict[str, Kept] = {}
        self._calls_dropped = 0
        self._kept_dropped = 0
        self.resize(marks=32, calls=2_000, kept=200)

    def resize(self, *, marks: int, calls: int, kept: int) -> None:
        """Set the bounds; rings that are open keep their size."""
        self._marks, self._calls, self._room = marks, calls, kept
        self._trim()

    def begin(self, call: str) -> tuple[Ring, Token[Ring | None]]:
        """Have ``mark`` write into the ring of a call until ``end``; return the ring, for marks at no price, too."""
        ring = self._live.get(call)
        if ring is None:
            ring = self._live[call] = Ring(call, self._marks)
            if len(self._live) > self._calls:
                self._trim()
        return ring, _current.set(ring)

    @staticmethod
    def end(token: Token[Ring | None]) -> None:
        """End what ``begin`` began."""
        try:
            _current.reset(token)
        except ValueError:
            _current.set(None)  # work that ends in another context than it began in

    @property
    def current(self) -> Callable[[], Ring | None]:
        """What returns the ring of the call that is worked on."""
        return _current.get

    def keep(self, call: str, reason: str) -> bool:
        """Keep the ring of a call, with the marks to come while it lives; say whether it has one.

        A better reason than its dyes is noted when it comes.
        """
        ring = self._live.get(call)
        before = self._kept.get(call)
        if ring is None or (before is not None and before.reason != self.DYED):
            return ring is not None
        ring.is_kept = True
        self._kept[call] = Kept(call, reason[:LENGTH], time_ns() // 1_000_000, ring)
        if len(self._kept) > self._room:
            self._trim()
        return True

    def caller_of(self, call: str) -> str:
        """Return the URI of who has made a call, empty when that is not known."""
        ring = self._live.get(call)
        return "" if ring is None else ring.caller

    def forget(self, call: str) -> None:
        """Drop the ring of a call that has ended, unless it is kept."""
        self._live.pop(call, None)

    def clear(self) -> int:
        """Drop what is kept; return how many rings that were."""
        count = len(self._kept)
        for kept in self._kept.values():
            kept.ring.is_kept = False
        self._kept.clear()
        return count

    def list(self) -> list[dict[str, Any]]:
        """Return what is kept, the oldest first, without the marks."""
        return [
            {"call": one.call, "names": one.ring.names, "reason": one.reason, "at": one.at, "marks": len(one.ring)}
            for one in self._kept.values()
        ]

    def show(self, call: str) -> dict[str, Any] | None:
        """Return a call by its key or its name, kept or alive, with its marks; None when there is none.

        Shape: each mark has ``at``, the time since the one before, the word, the detail.
        Units: ``at`` milliseconds since the epoch; ``after_ns`` nanoseconds.
        """
        kept = self._kept.get(call) or next((one for one in self._kept.values() if call in one.ring.names), None)
        ring = self._live.get(call) if kept is None else kept.ring
        if ring is None:
            return None
        reason = "" if kept is None else kept.reason
        return {"call": ring.call, "names": ring.names, "reason": reason, "marks": [*_shown(ring)]}

    def statistics(self) -> LookBackStatistics:
        """Return the counts."""
        return LookBackStatistics(len(self._live), len(self._kept), self._calls_dropped, self._kept_dropped)

    def _trim(self) -> None:
        """Let the oldest go where there are too many."""
        while len(self._live) > self._calls:
            del self._live[next(iter(self._live))]
            self._calls_dropped += 1
        while len(self._kept) > self._room:
            call = next((one.call for one in self._kept.values() if one.reason == self.DYED), None) or next(
                iter(self._kept)
            )
            self._kept.pop(call).ring.is_kept = False
            self._kept_dropped += 1


def _shown(ring: Ring) -> Iterator[dict[str, Any]]:
    epoch = time_ns() - perf_counter_ns()
    before = ring[0][0] if ring else 0
    for moment, word, detail in list(ring):
        text = detail if isinstance(detail, int) else hide_secrets(detail)
        yield {
            "at": (epoch + moment) // 1_000_000,
            "after_ns": moment - before,
            "word": hide_secrets(word),
            "detail": text,
        }
        before = moment
