"""Which records somebody asks for, page by page, and the answer over events in memory.

A page is bounded in records, in bytes and, over an archive, in time; ``Page.cursor`` is the record id at which the next
one begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from weaver.event import Event
from weaver.query.nodes import Condition
from weaver.query.predicate import compile_predicate

PAGE_BYTES = 256 * 1024
"""Bytes of a page, about; a single record may be more."""
LIMIT = 1_000
"""Records of a page at most."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Records: those that hold the condition, in ranges that include both ends.

    Shape: the oldest come first, or the newest.
    Units: ``since`` and ``until`` milliseconds since the epoch; ``first`` and ``last`` record ids.
    """

    condition: Condition | None = None
    since: int | None = None
    until: int | None = None
    first: int | None = None
    last: int | None = None
    newest: bool = False

    def from_cursor(self, cursor: int) -> Selection:
        """Return what is left from a cursor on."""
        return replace(self, last=cursor) if self.newest else replace(self, first=cursor)


class Page(NamedTuple):
    """Records by the names of their fields, and the cursor of the next page, None when this is the last."""

    records: list[dict[str, Any]]
    cursor: int | None


def select_events(events: Iterable[Event], selection: Selection, limit: int) -> Page:
    """Return a page of events in memory."""
    test = None if selection.condition is None else compile_predicate(selection.condition)
    records: list[dict[str, Any]] = []
    size = 0
    for event in sorted(events, key=lambda one: one.record_id, reverse=selection.newest):
        if not _is_within(event, selection) or (test is not None and not test(event)):
            continue
        if len(records) == limit or size > PAGE_BYTES:
            return Page(records, event.record_id)
        records.append(msgspec.structs.asdict(event))
        size += _size_of(event)
    return Page(records, None)


def _is_within(event: Event, selection: Selection) -> bool:
    ranges = (
        (selection.first, event.record_id, selection.last),
        (selection.since, event.timestamp, selection.until),
    )
    return all((low is None or low <= value) and (high is None or value <= high) for low, value, high in ranges)


def _size_of(event: Event) -> int:
    try:
        return len(msgspec.json.encode(event))
    except (TypeError, ValueError, RecursionError, OverflowError):
        return 0
