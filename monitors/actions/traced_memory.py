"""How much memory Python's objects have, measured by ``tracemalloc`` while somebody wants to know.

Tracing makes every allocation of the process dearer, so it is on from the first use to the last; what somebody else
has begun is left on.
"""

from __future__ import annotations

import tracemalloc


class TracedMemory:
    """Counts who uses ``tracemalloc``."""

    def __init__(self) -> None:
        self._users: set[tuple[str, str]] = set()
        self._is_ours = False

    def begin(self, action: str, monitor: str) -> None:
        """Trace from now on."""
        if not tracemalloc.is_tracing():
            tracemalloc.start(1)
            self._is_ours = True
        self._users.add((action, monitor))

    def end(self, action: str, monitor: str) -> None:
        """Trace no more, when this was the last user."""
        self._users.discard((action, monitor))
        if not self._users and self._is_ours:
            self._is_ours = False
            tracemalloc.stop()


def traced_bytes() -> int | None:
    """Return the bytes in use, None while nothing is traced."""
    return tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else None


def allocated_since(before: object) -> int | None:
    """Return by how many bytes more are in use now, None when nothing was or is traced."""
    now = traced_bytes()
    return now - before if now is not None and isinstance(before, int) else None
