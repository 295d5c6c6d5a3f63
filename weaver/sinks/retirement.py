"""Which events leave the archive: those that are too old, and the oldest while it is too large.

A few at a time, so that no batch of new events waits for long.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

CHUNK = 5_000
"""Events that are deleted at once."""
CHUNKS = 8
"""Deletions in one go; what is left waits for the next."""
PAGES = 2_000
"""Pages that are given back to the file system at once."""
AGE_SECONDS = 10.0
"""Seconds between two looks for what is too old."""
DOWN_TO = 0.9
"""The share of ``max_bytes`` that is left when the archive was too large."""

_OLDEST = "DELETE FROM events WHERE RECORDID IN (SELECT RECORDID FROM events ORDER BY RECORDID LIMIT ?)"


@dataclass(slots=True)
class Retirement:
    """The rules of one archive, and how many events have been retired.

    Units: ``max_bytes`` bytes, without free pages and the write-ahead log; ``max_age`` seconds, 0 for ever.
    """

    max_bytes: int
    max_age: float
    retired: int = 0
    looked_at: float = 0.0
    is_shrinking: bool = False

    def retire(self, connection: sqlite3.Connection, now: float) -> None:
        """Retire what is due now, or a part of it.

        Errors: sqlite3.Error.
        """
        if self.max_age and not 0 <= now - self.looked_at < AGE_SECONDS:
            self._by_age(connection, int((now - self.max_age) * 1000))
            self.looked_at = now
        self._by_size(connection)
        if _pragma(connection, "freelist_count") > PAGES:
            connection.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()

    def _by_age(self, connection: sqlite3.Connection, before_ms: int) -> None:
        for _ in range(CHUNKS):
            if self._delete(connection, f"{_OLDEST} AND TIMESTAMP < ?", before_ms) < CHUNK:
                return

    def _by_size(self, connection: sqlite3.Connection) -> None:
        for _ in range(CHUNKS):
            limit = self.max_bytes * (DOWN_TO if self.is_shrinking else 1.0)
            self.is_shrinking = size_of(connection) > limit
            if not self.is_shrinking or not self._delete(connection, _OLDEST):
                return

    def _delete(self, connection: sqlite3.Connection, statement: str, *parameters: int) -> int:
        count = connection.execute(statement, (CHUNK, *parameters)).rowcount
        self.retired += count
        return count


def size_of(connection: sqlite3.Connection) -> int:
    """Return the bytes of the pages in use."""
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
