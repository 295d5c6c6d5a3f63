"""The methods ``event.*`` that belong to no connection: the last events, queries with cursors, the counts of sinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from weaver.dye_names import NAMES
from weaver.event import BufferStatistics, Event
from weaver.management.roles import Role
from weaver.management.rpc import INVALID_PARAMS, RegisteredMethod, RpcError, by_name
from weaver.query.archive import read_flags, read_page
from weaver.query.live import compile_query
from weaver.query.parser import parse_query
from weaver.query.selection import LIMIT, Page, Selection, select_events
from weaver.sinks.queued import SinkStatistics

RECENT_LIMIT = 1000

Answer = TypeVar("Answer")
InThread = Callable[[Callable[[], object]], None]


class EventSource(Protocol):
    """What the methods need of the event buffer."""

    def recent(self) -> list[Event]:
        """Return the last events, the oldest first."""
        ...

    def statistics(self) -> BufferStatistics:
        """Return the counts."""
        ...


class Sink(Protocol):
    """What the methods need of a sink."""

    def statistics(self) -> SinkStatistics:
        """Return the counts."""
        ...


class EventMethods:
    """The methods over a buffer, the sinks, and the archive if there is one.

    Shape: ``in_thread`` runs a function where it blocks nobody, and waits for it.
    """

    def __init__(
        self,
        events: EventSource,
        sinks: Sequence[Sink] = (),
        archive: Path | None = None,
        in_thread: InThread | None = None,
    ) -> None:
        self._events = events
        self._sinks = sinks
        self._archive = archive
        self._in_thread = in_thread

    def recent(self, limit: int = 100, monitor: str | None = None, query: str = "") -> list[Event]:
        """Return the last events of the ring that a monitor has made or that a query asks for.

        Errors: RpcError, QuerySyntaxError.
        Switches: yes.
        """
        if not 0 < limit <= RECENT_LIMIT:
            raise RpcError(INVALID_PARAMS, f"the parameter 'limit' must be 1 to {RECENT_LIMIT}, not {limit}")
        test = compile_query(query) if query.strip() else None

        def find() -> list[Event]:
            found = [event for event in self._events.recent() if monitor is None or event.monitor == monitor]
            return [event for event in found if test is None or test(event)][-limit:]

        return self._run(find)

    def query(
        self,
        query: str = "",
        source: Literal["archive", "ring"] | None = None,
        since: int | None = None,
        until: int | None = None,
        first: int | None = None,
        last: int | None = None,
        newest: bool = False,
        limit: int = 100,
        cursor: int | None = None,
    ) -> dict[str, Any]:
        """Return a page of events, from the archive if there is one, and the cursor of the next, null after the last.

        Units: ``since`` and ``until`` milliseconds since the epoch; ``first`` and ``last`` record ids.
        Errors: RpcError, QuerySyntaxError, ArchiveError.
        Switches: yes.
        """
        if not 0 < limit <= LIMIT:
            raise RpcError(INVALID_PARAMS, f"the parameter 'limit' must be 1 to {LIMIT}, not {limit}")
        selection = Selection(None, since, until, first, last, newest)
        if cursor is not None:
            selection = selection.from_cursor(cursor)
        archive = None if source == "ring" else self._archive
        if source == "archive" and archive is None:
            raise RpcError(INVALID_PARAMS, "there is no archive", hint="set events.archive.path")
        page = self._run(lambda: self._page(query, selection, limit, archive))
        return {"events": page.records, "cursor": page.cursor, "source": "ring" if archive is None else "archive"}

    def _page(self, query: str, selection: Selection, limit: int, archive: Path | None) -> Page:
        """Return a page; over an archive the names that dyes had in earlier runs of the program count, too."""
        known = NAMES.bits() if archive is None else {**read_flags(archive), **NAMES.bits()}
        selection = replace(selection, condition=parse_query(query, known) if query.strip() else None)
        if archive is None:
            return select_events(self._events.recent(), selection, limit)
        return read_page(archive, selection, limit)

    def statistics(self) -> dict[str, Any]:
        """Return the counts of the buffer and of each sink."""
        return {
            "buffer": asdict(self._events.statistics()),
            "sinks": [asdict(sink.statistics()) for sink in self._sinks],
            "archive": None if self._archive is None else str(self._archive),
        }

    def _run(self, function: Callable[[], Answer]) -> Answer:
        """Run a function in a thread; what it raises is raised here."""
        if self._in_thread is None:
            return function()
        answers: list[Answer] = []
        errors: list[Exception] = []

        def guarded() -> None:
            try:
                answers.append(function())
            except Exception as error:  # noqa: BLE001 - raised below, where somebody can answer it
                errors.append(error)

        self._in_thread(guarded)
        if errors:
            raise errors[0]
        return answers[0]


def event_methods(
    events: EventSource, sinks: Sequence[Sink] = (), archive: Path | None = None, in_thread: InThread | None = None
) -> Mapping[str, RegisteredMethod]:
    """Return the methods by name."""
    methods = EventMethods(events, sinks, archive, in_thread)
    return {
        "event.recent": RegisteredMethod(
            by_name(methods.recent), "Returns the last events, the oldest first.", Role.VIEWER
        ),
        "event.query": RegisteredMethod(
            by_name(methods.query), "Returns a page of the events that a query asks for, with a cursor.", Role.VIEWER
        ),
        "event.statistics": RegisteredMethod(
            by_name(methods.statistics), "Returns the counts of the event buffer and of each sink.", Role.VIEWER
        ),
    }
