"""The dyes that calls keep: what a rule, or a peer, gave one message of a call, its other messages have too.

They stand here by call key, and not in the call state: monitors change nothing of what they watch. So another node of a
cluster finds a call's dyes by its own rules, and in the messages that ContextPropagation has dyed elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict

LIMIT = 10_000
"""Calls that are remembered; the one that was dyed first is forgotten for the next."""


class CallDyes:
    """Vectors by call key.

    Shape: ``vectors`` is to be read, and always the same object.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.vectors: OrderedDict[str | None, int] = OrderedDict()
        self._limit = limit
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self.vectors)

    def add(self, key: str, vector: int) -> None:
        """Have a call keep dyes."""
        before = self.vectors.get(key)
        if before is None and len(self.vectors) >= self._limit:
            self.vectors.popitem(last=False)
            self.forgotten += 1
        self.vectors[key] = (before or 0) | vector

    def drop(self, key: str) -> None:
        """Forget a call, because it has ended."""
        self.vectors.pop(key, None)

    def wash(self, vector: int) -> None:
        """Take dyes from all calls."""
        for key, kept in list(self.vectors.items()):
            left = kept & ~vector
            if left:
                self.vectors[key] = left
            else:
                del self.vectors[key]
