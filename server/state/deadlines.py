"""Deadlines by name, the earliest first: a heap in which what moves need not move at once."""

from __future__ import annotations

import heapq
from math import inf


class Deadlines:
    """One deadline a name.

    A deadline that becomes later stays where it is in the heap, and is put where it belongs when that time comes: those
    of calls move with every message, and most move on before they are due. One that becomes earlier leaves its old
    place behind, which is passed over; with more old places than live ones the heap is made again.

    Shape: ``at`` maps a name to its deadline; ``_places`` to its first place in the heap, which is not later.
    """

    __slots__ = ("_heap", "_places", "at")

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._places: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self.at)

    def set(self, name: str, at: float) -> None:
        """Give a name its deadline in place of the one it may have."""
        self.at[name] = at
        if at < self._places.get(name, inf):
            self._place(name, at)
            if len(self._heap) > 64 and len(self._heap) > 2 * len(self.at):
                self._places = dict(self.at)
                self._heap = [(time, key) for key, time in self.at.items()]
                heapq.heapify(self._heap)

    def clear(self, name: str) -> None:
        """Take the deadline from a name."""
        self.at.pop(name, None)

    def first(self) -> float:
        """Return the earliest deadline, infinity when there is none."""
        heap = self._heap
        while heap:
            place, name = heap[0]
            at = self.at.get(name, inf)
            if at == place:
                return at
            heapq.heappop(heap)
            if self._places.get(name) == place:
                del self._places[name]
                if at < inf:
                    self._place(name, at)
        return inf

    def take(self, now: float) -> str | None:
        """Take the name with the earliest deadline, if that has come."""
        if self.first() > now:
            return None
        _, name = heapq.heappop(self._heap)
        del self.at[name]
        self._places.pop(name, None)
        return name

    def _place(self, name: str, at: float) -> None:
        self._places[name] = at
        heapq.heappush(self._heap, (at, name))
