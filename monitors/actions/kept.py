"""What an action keeps for each monitor and joinpoint, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LIMIT = 10_000
"""Values that one action keeps; of what comes beyond that nothing is kept."""


class Kept(Generic[K, V]):
    """Values by key, each made when it is first asked for; beyond the limit it is made and not kept."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}

    def of(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key."""
        found = self._values.get(key)
        if found is None:
            found = make()
            if len(self._values) < LIMIT:
                self._values[key] = found
        return found

    def items(self) -> list[tuple[K, V]]:
        """Return what is kept now."""
        return list(self._values.items())
