"""Pages of an archive and of events in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.weaver.events import make_event
from weaver.errors import ArchiveError
from weaver.event import Event
from weaver.query import archive, selection
from weaver.query.archive import read_flags, read_page
from weaver.query.parser import parse_query
from weaver.query.selection import Page, Selection, select_events
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.retirement import Retirement

EVENTS = [make_event(number, timestamp=number * 10, context_id=f"c{number % 3}") for number in range(1, 21)]
Read = Callable[[Selection, int], Page]


def keep(path: Path, events: list[Event]) -> Path:
    writer = ArchiveWriter(path, Retirement(1 << 30, 0.0), dict)
    writer.write(events)
    writer.close()
    return path


@pytest.fixture(params=["archive", "memory"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    if request.param == "memory":
        return lambda wanted, limit: select_events(EVENTS, wanted, limit)
    path = keep(tmp_path / "e.sqlite", EVENTS)
    return lambda wanted, limit: read_page(path, wanted, limit)


def all_of(read: Read, wanted: Selection, limit: int) -> list[list[int]]:
    """Return the ids of all pages."""
    pages: list[list[int]] = []
    while True:
        page = read(wanted, limit)
        pages.append([record["record_id"] for record in page.records])
        if page.cursor is None:
            return pages
        wanted = wanted.from_cursor(page.cursor)


@pytest.mark.parametrize(
    ("wanted", "pages"),
    [
        (Selection(first=18), [[18, 19], [20]]),
        (Selection(last=3), [[1, 2], [3]]),
        (Selection(last=3, newest=True), [[3, 2], [1]]),
        (Selection(since=190), [[19, 20]]),
        (Selection(until=25), [[1, 2]]),
        (Selection(since=41, until=59), [[5]]),
        (Selection(first=21), [[]]),
        (Selection(condition=parse_query("CONTEXTID = 'c0'", {}), last=12), [[3, 6], [9, 12]]),
        (
            Selection(condition=parse_query("CONTEXTID = 'c0' AND RECORDID > 5", {}), newest=True),
            [[18, 15], [12, 9], [6]],
        ),
        (Selection(condition=parse_query("CONTEXTID = 'none'", {})), [[]]),
    ],
)
def test_pages_have_what_is_wanted_once_and_in_order(read: Read, wanted: Selection, pages: list[list[int]]) -> None:
    assert all_of(read, wanted, 2) == pages


@pytest.mark.parametrize("newest", [False, True])
def test_page_is_bounded_in_bytes(read: Read, newest: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (archive, selection):
        monkeypatch.setattr(module, "PAGE_BYTES", 10)

    pages = all_of(read, Selection(first=18, newest=newest), 1_000)

    assert pages == ([[20], [19], [18]] if newest else [[18], [19], [20]])


@pytest.mark.parametrize("newest", [False, True])
def test_page_is_bounded_in_time_and_the_next_goes_on(
    tmp_path: Path, newest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "SMALLEST", 4)
    path = keep(tmp_path / "e.sqlite", EVENTS)
    ticks = iter(range(1_000))
    wanted = Selection(condition=parse_query("RECORDID IN (1, 20)", {}), newest=newest)

    pages = all_of(lambda wanted, limit: read_page(path, wanted, limit, lambda: float(next(ticks))), wanted, 1_000)

    assert len(pages) == 5
    assert [number for page in pages for number in page] == ([20, 1] if newest else [1, 20])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("DYES & ALICE", [1, 3]),
        ("DYES & BOB", [2]),
        ("DYES & (ALICE | BOB)", [1, 2, 3]),
        ("DYES & (ALICE | ADDR1) = (ALICE | ADDR1)", [3]),
        ("NOT DYES & ALICE", [2, 4]),
        ("DYES & CAROL", []),
        ("DYES IN (ALICE, ADDR1)", [1, 4]),
    ],
)
@pytest.mark.parametrize("source", ["archive", "memory"])
def test_name_of_a_dye_means_what_it_meant_when_the_event_happened(
    source: str, query: str, found: list[int], tmp_path: Path
) -> None:
    happened = [
        make_event(1, dyes=1 << 43, payload={"dyes": ["ALICE"]}),
        make_event(2, dyes=1 << 43, payload={"dyes": ["BOB"]}),
        make_event(3, dyes=1 << 63 | 1, payload={"dyes": ["ADDR1", "ALICE"]}),
        make_event(4, dyes=1, payload={"dyes": ["ADDR1"]}),
    ]
    wanted = Selection(parse_query(query, {"ADDR1": 0, "ALICE": 63, "BOB": 43, "CAROL": 43}))

    page = (
        select_events(happened, wanted, 10)
        if source == "memory"
        else read_page(keep(tmp_path / "e.sqlite", happened), wanted, 10)
    )

    assert [record["record_id"] for record in page.records] == found


def test_archive_is_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    writer = ArchiveWriter(path, Retirement(1 << 30, 0.0), dict)
    writer.write(EVENTS[:3])

    first = read_page(path, Selection(), 100).records
    writer.write(EVENTS[3:5])
    second = read_page(path, Selection(), 100).records
    writer.close()

    assert (len(first), len(second)) == (3, 5)


def test_file_in_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    path = keep(tmp_path / "a folder with ?#% in it.sqlite", EVENTS)

    assert len(read_page(path, Selection(), 100).records) == 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "there is no such archive"), (b"text " * 1_000, "not a database"), (b"", "no such table")],
)
def test_file_that_is_no_archive_is_named_with_the_reason(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "x.sqlite"
    if content is not None:
        path.write_bytes(content)

    def refused(function: Callable[[], Any]) -> str:
        with pytest.raises(ArchiveError) as caught:
            function()
        return str(caught.value)

    for message in (refused(lambda: read_page(path, Selection(), 1)), refused(lambda: read_flags(path))):
        assert str(path) in message
        assert reason in message
