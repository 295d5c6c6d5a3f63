"""The methods over events: the last ones, pages, counts; and subscriptions with a query."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.management.fakes import event
from tests.weaver.management.test_session import Peer
from weaver.errors import ArchiveError, QuerySyntaxError
from weaver.event import EventBuffer
from weaver.management.events import EventMethods, event_methods
from weaver.management.rpc import RpcError
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.queued import QueuedSink
from weaver.sinks.retirement import Retirement


def ring(*numbers: int) -> EventBuffer:
    buffer = EventBuffer()
    for number in numbers:
        buffer.emit(event(number, dyes=number % 2, context_id=f"c{number}"))
    return buffer


def call(methods: EventMethods | None = None, /, *, name: str = "query", **params: Any) -> Any:
    made = methods or EventMethods(ring(*range(1, 8)))
    return getattr(made, name)(**params)


def ids(page: dict[str, Any]) -> list[int]:
    return [record["record_id"] for record in page["events"]]


def test_pages_of_the_ring_go_on_from_the_cursor() -> None:
    methods = EventMethods(ring(*range(1, 8)))

    first = methods.query(query="DYES & ADDR1", limit=3)
    second = methods.query(query="DYES & ADDR1", limit=3, cursor=first["cursor"])

    assert (ids(first), ids(second), second["cursor"]) == ([1, 3, 5], [7], None)
    assert first["source"] == "ring"


def test_newest_come_first_if_that_is_asked() -> None:
    assert ids(call(newest=True, limit=2)) == [7, 6]


def test_archive_is_asked_if_there_is_one_in_a_thread(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    writer = ArchiveWriter(path, Retirement(1 << 30, 0.0), dict)
    writer.write([event(number) for number in (1, 2)])
    writer.close()
    threads: list[str] = []

    def in_thread(function: Callable[[], object]) -> None:
        threads.append("one")
        function()

    methods = EventMethods(ring(9), [], path, in_thread)

    assert (ids(methods.query()), ids(methods.query(source="ring"))) == ([1, 2], [9])
    assert methods.query()["source"] == "archive"
    assert len(threads) == 3
    path.unlink()
    with pytest.raises(ArchiveError):
        methods.query()


def test_archive_knows_the_names_that_dyes_had_in_earlier_runs(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    writer = ArchiveWriter(path, Retirement(1 << 30, 0.0), lambda: {"SOMEBODY_ELSE": 50})
    writer.write([event(1, dyes=1 << 50, payload={"dyes": ["SOMEBODY_ELSE"]}), event(2)])
    writer.close()
    methods = EventMethods(ring(), [], path)

    assert ids(methods.query(query="DYES & SOMEBODY_ELSE")) == [1]
    with pytest.raises(QuerySyntaxError):
        methods.query(query="DYES & SOMEBODY_ELSE", source="ring")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"query": "MONITR = 1"}, QuerySyntaxError),
        ({"limit": 0}, RpcError),
        ({"limit": 1_001}, RpcError),
        ({"source": "archive"}, RpcError),
    ],
)
def test_what_makes_no_sense_is_refused(params: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call(**params)


def test_recent_takes_a_query_too() -> None:
    found = call(name="recent", query="CONTEXTID IN ('c2', 'c5')", limit=1)

    assert [one.record_id for one in found] == [5]


def test_statistics_have_the_buffer_and_every_sink() -> None:
    class Nowhere:
        target = "nowhere"

        def details(self) -> dict[str, int]:
            return {"rotated": 2}

    sink = QueuedSink("s", Nowhere(), None, capacity=1)  # type: ignore[arg-type]
    for number in (1, 2):
        sink(event(number))

    found = EventMethods(ring(1), [sink]).statistics()

    assert found["buffer"]["emitted"] == 1
    assert found["sinks"] == [
        {
            "name": "s", "target": "nowhere", "queued": 1, "capacity": 1, "written": 0, "dropped": {"queue": 1},
            "fault": "", "details": {"rotated": 2},
        }
    ]  # fmt: skip


def test_methods_are_described() -> None:
    assert sorted(event_methods(EventBuffer())) == ["event.query", "event.recent", "event.statistics"]


def test_subscription_with_a_query_gets_what_it_asks_for() -> None:
    peer = Peer(events_a_pass=3, lines_a_pass=2)
    peer.call("event.subscribe", query="DYES & ADDR1")

    for number in range(1, 12):
        peer.events.emit(event(number, dyes=number % 2))

    assert [message["params"]["record_id"] for message in peer.read()] == [1, 3, 5, 7, 9, 11]


def test_subscription_with_a_wrong_query_is_refused_with_its_place() -> None:
    error = Peer().call("event.subscribe", query="MONITR = 1")["error"]

    assert "did you mean 'MONITOR'?" in error["message"]
