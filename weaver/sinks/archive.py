"""The archive: events in a SQLite file with the original product's columns, written in batches.

A full disk, a locked or a damaged file costs events and nothing else. A damaged file is set aside as ``FILE.damaged``
and a new one begun. Readers are not in the way: the file is in WAL mode.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from weaver.columns import COLUMNS, row_of
from weaver.event import Event
from weaver.sinks.queued import Outcome
from weaver.sinks.retirement import Retirement

BUSY_SECONDS = 1.0
"""How long a batch waits for a file that another process has locked."""

_NAMES = ", ".join(column.name for column in COLUMNS)
INSERT = f"INSERT INTO events ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - names of ours
SCHEMA = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "CREATE TABLE IF NOT EXISTS events (RECORDID INTEGER PRIMARY KEY, "
    + ", ".join(f"{column.name} {column.type}" for column in COLUMNS[1:])
    + ")",
    "CREATE INDEX IF NOT EXISTS events_by_time ON events (TIMESTAMP)",
    "CREATE INDEX IF NOT EXISTS events_by_context ON events (CONTEXTID)",
    "CREATE TABLE IF NOT EXISTS flags (NAME TEXT PRIMARY KEY, BIT INTEGER)",
)

_Row = tuple[int | str | bytes | None, ...]
_REASONS = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}


class ArchiveWriter:
    """Writes batches into one file.

    Shape: ``flags`` gives the bits of the dye flags, which are kept for queries; ``clock`` seconds since the epoch.
    """

    def __init__(
        self,
        path: Path,
        retirement: Retirement,
        flags: Callable[[], Mapping[str, int]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.target = str(path)
        self._path = path
        self._retirement = retirement
        self._flags = flags
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._known: dict[str, int] = {}
        self._offset = 0
        self._set_aside = 0

    def last_id(self) -> int:
        """Return the id of the last record, 0 when there is none or the file cannot be read now."""
        try:
            return self._last(self._open())
        except (sqlite3.Error, OSError):
            self.close()
            return 0

    def write(self, events: Sequence[Event]) -> Outcome:
        """Write a batch in one transaction, then retire what is too old or too much."""
        rows = [row for row in map(_row, events) if row is not None]
        try:
            try:
                self._insert(self._open(), rows)
            except (UnicodeEncodeError, OverflowError):
                rows = [row for row in rows if _is_storable(row)]
                self._insert(self._open(), rows)
        except (sqlite3.Error, OSError) as error:
            return self._failed(error, len(rows), _unwritable(len(events) - len(rows)))
        return Outcome(len(rows), _unwritable(len(events) - len(rows)), self._retire())

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:
                return  # what was damaged need not close well

    def forget(self) -> None:
        """Leave the connection to the parent of this process: it must not even be closed here."""
        self._inherited, self._connection = self._connection, None

    def details(self) -> dict[str, int]:
        """Return how many events have been retired and how often a damaged file was set aside."""
        return {"retired": self._retirement.retired, "set_aside": self._set_aside}

    def _open(self) -> sqlite3.Connection:
        """Return the connection.

        Errors: sqlite3.Error, OSError.
        """
        if self._connection is None:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._known = {}
            for statement in SCHEMA:
                self._connection.execute(statement)
        return self._connection

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if rows and int(rows[0][0] or 0) + self._offset <= (last := self._last(connection)):
                self._offset = last + 1 - int(rows[0][0] or 0)  # another process has written, or one before us
            if self._offset:
                rows = [(int(row[0] or 0) + self._offset, *row[1:]) for row in rows]
            connection.executemany(INSERT, rows)
            flags = dict(self._flags())
            if flags != self._known:
                connection.executemany("INSERT OR REPLACE INTO flags VALUES (?, ?)", flags.items())
            connection.execute("COMMIT")
            self._known = flags
        except Exception:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _retire(self) -> str:
        """Retire; return what is at fault, if something is."""
        try:
            self._retirement.retire(self._open(), self._clock())
        except sqlite3.Error as error:
            return f"old events are not retired: {error}"
        return ""

    def _failed(self, error: sqlite3.Error | OSError, count: int, dropped: Mapping[str, int]) -> Outcome:
        """Say what becomes of a batch that was not written; the file is opened anew for the next."""
        reason = _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "failed")
        self.close()
        if reason == "locked":
            return Outcome(fault=str(error), again=True)
        fault = str(error)
        if reason == "damaged":
            try:
                self._put_aside()
                fault += f"; it is set aside as {self._path.name}.damaged"
            except OSError as failure:
                fault += f"; it cannot be set aside: {failure}"
        return Outcome(dropped={**dropped, reason: count}, fault=fault)

    def _put_aside(self) -> None:
        for end in ("-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
        self._set_aside += 1

    @staticmethod
    def _last(connection: sqlite3.Connection) -> int:
        found = connection.execute("SELECT max(RECORDID) FROM events").fetchone()[0]
        return int(found or 0)


def _row(event: Event) -> _Row | None:
    """Return an event as a row, None when JSON cannot hold what is in it."""
    try:
        return row_of(event)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None


def _is_storable(row: _Row) -> bool:
    """Say whether a database can hold a row: texts without lone surrogates, numbers of 64 bits."""
    try:
        for value in row:
            if isinstance(value, str):
                value.encode()
            elif isinstance(value, int):
                value.to_bytes(8, signed=True)
    except (UnicodeEncodeError, OverflowError):
        return False
    return True


def _unwritable(count: int) -> dict[str, int]:
    return {"unwritable": count} if count else {}
