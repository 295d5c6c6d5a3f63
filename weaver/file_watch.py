"""Sees that a file has changed, however it was changed: written in place, or replaced as editors do.

A change counts once the file has been the same for two looks, so that half a file is not taken. While the file is gone
nothing happens. Looking is one ``stat``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_Signature = tuple[int, int, int, int]


class FileWatch:
    """Tells of each change of a file since it was made."""

    def __init__(self, path: Path, on_change: Callable[[], object]) -> None:
        self._path = path
        self._on_change = on_change
        self._known = self._last = self._signature()

    def look(self) -> None:
        """Look at the file; tell if it has changed and come to rest.

        Errors: those of ``on_change``; the same change is not told again.
        """
        seen, before = self._signature(), self._last
        self._last = seen
        if seen is not None and seen == before and seen != self._known:
            self._known = seen
            self._on_change()

    def _signature(self) -> _Signature | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
