"""Reads an archive, also while a server writes it: page by page, each in short transactions and bounded in time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from weaver.columns import COLUMNS, record_of
from weaver.errors import ArchiveError
from weaver.query.nodes import All, Compare, Condition, Literal, Variable
from weaver.query.selection import PAGE_BYTES, Page, Selection
from weaver.query.sql import Sql, compile_sql

PAGE_SECONDS = 1.0
"""How long the search for one page may take; it goes on with the next."""
BUSY_SECONDS = 2.0
SMALLEST, LARGEST = 128, 65_536
"""Record ids that are looked at in one statement; as many as take about ``STEP_SECONDS``."""
STEP_SECONDS = 0.05

_NAMES = ", ".join(column.name for column in COLUMNS)


def read_flags(path: Path) -> dict[str, int]:
    """Return the bits of the dye flags, by name, as the server knew them that wrote the archive.

    Errors: ArchiveError.
    """
    with _opened(path) as connection:
        return {str(name): int(bit) for name, bit in connection.execute("SELECT NAME, BIT FROM flags")}


def read_page(path: Path, selection: Selection, limit: int, clock: Callable[[], float] = time.monotonic) -> Page:
    """Return a page of an archive; one that the time has ended may be empty and have a cursor.

    Errors: ArchiveError.
    """
    with _opened(path) as connection:
        first, last = _bounds(connection, selection)
        search = _Search(connection, selection, limit)
        ends = clock() + PAGE_SECONDS
        size = SMALLEST
        while first <= last:
            began = clock()
            if selection.newest:
                low, high, last = max(first, last - size + 1), last, last - size
            else:
                low, high, first = first, min(last, first + size - 1), first + size
            cursor = search.look(low, high)
            if cursor is not None:
                return Page(search.records, cursor)
            now = clock()
            if now >= ends and first <= last:
                return Page(search.records, last if selection.newest else first)
            size = max(SMALLEST, size // 2) if now - began > STEP_SECONDS else min(LARGEST, size * 2)
        return Page(search.records, None)


class _Search:
    """The statement of one page and what it has found."""

    def __init__(self, connection: sqlite3.Connection, selection: Selection, limit: int) -> None:
        self.records: list[dict[str, Any]] = []
        self._connection = connection
        self._limit = limit
        self._bytes = 0
        sql = Sql("1") if selection.condition is None else compile_sql(selection.condition)
        sql.serve(connection)
        times = {"TIMESTAMP >= ?": selection.since, "TIMESTAMP <= ?": selection.until}
        limits = {text: value for text, value in times.items() if value is not None}
        where = " AND ".join(["RECORDID BETWEEN ? AND ?", *limits, sql.text])
        order = "DESC" if selection.newest else "ASC"
        self._statement = f"SELECT {_NAMES} FROM events WHERE {where} ORDER BY RECORDID {order} LIMIT ?"  # noqa: S608
        self._parameters = (*limits.values(), *sql.parameters)

    def look(self, low: int, high: int) -> int | None:
        """Add what lies between two ids; return where the next page begins if this one is full."""
        count = self._limit - len(self.records) + 1
        for row in self._connection.execute(self._statement, (low, high, *self._parameters, count)):
            if len(self.records) == self._limit or self._bytes > PAGE_BYTES:
                return int(row[0])
            self.records.append(record_of(row))
            self._bytes += sum(len(value) for value in row if isinstance(value, str))
        return None


def _bounds(connection: sqlite3.Connection, selection: Selection) -> tuple[int, int]:
    """Return the first and the last record id that can be meant, found by the indexes; the last is less if none is."""
    wanted: Mapping[str, Any] = {
        "RECORDID >= ?": selection.first,
        "RECORDID <= ?": selection.last,
        "TIMESTAMP >= ?": selection.since,
        "TIMESTAMP <= ?": selection.until,
        "CONTEXTID = ?": _context_of(selection.condition),
    }
    given = {text: value for text, value in wanted.items() if value is not None}
    where = " AND ".join(given) or "1"
    found = connection.execute(f"SELECT min(RECORDID), max(RECORDID) FROM events WHERE {where}", [*given.values()])  # noqa: S608
    first, last = found.fetchone()
    return (1, 0) if first is None else (int(first), int(last))


def _context_of(condition: Condition | None) -> str | None:
    """Return the context id that a condition asks for and without which it cannot hold."""
    parts = condition.parts if isinstance(condition, All) else (condition,)
    for part in parts:
        if isinstance(part, Compare) and part.operator == "=" and isinstance(part.left, Variable):
            if part.left.column.name == "CONTEXTID" and isinstance(part.right, Literal):
                return str(part.right.value)
    return None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an archive for reading.

    Errors: ArchiveError for whatever is wrong with the file.
    """
    if not path.is_file():
        raise ArchiveError(f"{path}: there is no such archive")
    connection = None
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", timeout=BUSY_SECONDS, uri=True, isolation_level=None
        )
        yield connection
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise ArchiveError(f"{path}: the archive cannot be read: {error}") from error
    finally:
        if connection is not None:
            connection.close()
