"""Decoded call states of the recent past, by version: spares the decoding, never the lock.

What is found here may be used only when the store says that this version is the current one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NearCacheStatistics:
    """What the cache holds, and how many objects made room for others.

    Units: ``state_bytes`` bytes of the encoded forms.
    """

    entries: int
    state_bytes: int
    evicted: int


class NearCache(Generic[T]):
    """The last used objects, bounded by the bytes of their encoded form."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._evicted = 0
        self._entries: OrderedDict[str, tuple[int, T, int]] = OrderedDict()

    def get(self, key: str) -> tuple[int, T] | None:
        """Return version and object; the object counts as just used."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0], found[1]

    def put(self, key: str, version: int, value: T, size: int) -> None:
        """Keep an object; the ones used longest ago make room. One that is larger than all room is not kept.

        Units: ``size`` bytes.
        """
        self.drop(key)
        if size > self._max_bytes:
            self._evicted += 1
            return
        self._entries[key] = (version, value, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, _, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped
            self._evicted += 1

    def drop(self, key: str) -> None:
        """Forget an object."""
        old = self._entries.pop(key, None)
        if old is not None:
            self._bytes -= old[2]

    def statistics(self) -> NearCacheStatistics:
        """Return what the cache holds."""
        return NearCacheStatistics(len(self._entries), self._bytes, self._evicted)

    def __len__(self) -> int:
        return len(self._entries)
