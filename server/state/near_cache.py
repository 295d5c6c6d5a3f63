"""Decoded call states of the recent past, by version: spares the decoding, never the lock."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class NearCache(Generic[T]):
    """The last used objects, bounded by the bytes of their encoded form."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, tuple[int, T, int]] = OrderedDict()

    def get(self, key: str) -> tuple[int, T] | None:
        """Return version and object."""
        found = self._entries.get(key)
        return None if found is None else (found[0], found[1])

    def put(self, key: str, version: int, value: T, size: int) -> None:
        """Keep an object; the ones used longest ago make room.

        Units: ``size`` bytes.
        """
        old = self._entries.pop(key, None)
        if old is not None:
            self._bytes -= old[2]
        self._entries[key] = (version, value, size)
        self._bytes += size
        while self._bytes > self._max_bytes and self._entries:
            _, (_, _, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped

    def drop(self, key: str) -> None:
        """Forget an object."""
        old = self._entries.pop(key, None)
        if old is not None:
            self._bytes -= old[2]

    def __len__(self) -> int:
        return len(self._entries)
