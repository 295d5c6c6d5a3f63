"""The archive against what a disk and other processes do."""

import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.weaver.events import make_event
from weaver.event import Event
from weaver.query.archive import read_flags, read_page
from weaver.query.parser import parse_query
from weaver.query.selection import Selection
from weaver.sinks import archive, retirement
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.queued import Outcome
from weaver.sinks.retirement import Retirement, size_of

FLAGS = {"ADDR1": 0, "USER1": 4}
NOW = 1_000_000.0


def make_writer(
    path: Path, max_bytes: int = 1 << 30, max_age: float = 0.0, flags: Mapping[str, int] = FLAGS
) -> ArchiveWriter:
    return ArchiveWriter(path, Retirement(max_bytes, max_age), lambda: flags, lambda: NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "e.sqlite"


@pytest.fixture
def writer(path: Path) -> Iterator[ArchiveWriter]:
    made = make_writer(path)
    yield made
    made.close()


def batch(*numbers: int) -> list[Event]:
    return [make_event(number) for number in numbers]


def ids(path: Path) -> list[int]:
    return [record["record_id"] for record in read_page(path, Selection(), 1_000).records]


@pytest.mark.parametrize("bit", [62, 63, 64, 1_023])
def test_dye_of_any_bit_is_kept_and_asked_for_by_its_name(path: Path, bit: int) -> None:
    writer = make_writer(path, flags={"ADDR1": 0, "FAR": bit})
    names = {1 << bit: ["FAR"], 1: ["ADDR1"], 1 << bit | 1: ["ADDR1", "FAR"], 0: []}
    vectors = list(names)
    happened = [make_event(at, dyes=dyes, payload={"dyes": names[dyes]}) for at, dyes in enumerate(vectors, 1)]
    assert writer.write(happened).written == 4
    writer.close()

    def found(text: str) -> list[int]:
        condition = parse_query(text, read_flags(path))
        return [record["record_id"] for record in read_page(path, Selection(condition), 10).records]

    assert [record["dyes"] for record in read_page(path, Selection(), 10).records] == vectors
    assert found("DYES & FAR") == [1, 3]
    assert found("DYES & ADDR1 AND NOT DYES & FAR") == [2]
    assert found("DYES & (FAR | ADDR1) = FAR") == [1]
    assert found("DYES = FAR") == [1]
    assert found("DYES > ADDR1") == [1, 3]
    assert found("DYES IN (FAR, 0)") == [1, 4]


def test_events_come_back_as_they_were(path: Path, writer: ArchiveWriter) -> None:
    whole = make_event(
        7,
        context_id="c",
        transaction_id="z9hG4bK1",
        arguments=["1", "'é'"],
        payload={"phase": "before", "list": [1, None]},
        context_payload={"status": 200},
        dyes=(1 << 64) - 2,
        line=3,
    )

    outcome = writer.write([whole])

    (record,) = read_page(path, Selection(), 10).records
    assert outcome == Outcome(1)
    assert Event(**record) == whole
    assert read_flags(path) == FLAGS


def test_only_the_owner_may_read_the_file(path: Path, writer: ArchiveWriter) -> None:
    writer.write(batch(1))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_event_that_a_database_cannot_hold_does_not_take_others_along(path: Path, writer: ArchiveWriter) -> None:
    bad = [make_event(2, thread="\udcff"), make_event(3, payload={"a": object()}), make_event(4, line=1 << 70)]

    outcome = writer.write([*batch(1), *bad[:2], *batch(5)])

    assert outcome == Outcome(2, {"unwritable": 2})
    assert ids(path) == [1, 5]
    assert writer.write([bad[2]]).dropped == {"unwritable": 1}


def test_ids_go_on_where_another_process_has_written(path: Path, writer: ArchiveWriter) -> None:
    writer.write(batch(1, 2, 3))
    other = make_writer(path)

    other.write(batch(1, 2))
    writer.write(batch(4))
    other.write(batch(3))
    other.close()

    assert ids(path) == [1, 2, 3, 4, 5, 6, 7]
    assert writer.last_id() == 7


def test_new_flags_are_kept_too(path: Path) -> None:
    flags = dict(FLAGS)
    writer = make_writer(path, flags=flags)

    writer.write(batch(1))
    flags["ALICE"] = 40
    writer.write(batch(2))
    writer.close()

    assert read_flags(path) == {**FLAGS, "ALICE": 40}


def test_locked_file_makes_the_batch_come_again(
    path: Path, writer: ArchiveWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "BUSY_SECONDS", 0.0)
    writer.write(batch(1))
    writer.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    locked = writer.write(batch(2))
    other.execute("ROLLBACK")
    other.close()
    free = writer.write(batch(2))

    assert (locked.again, locked.dropped, locked.fault) == (True, {}, "database is locked")
    assert free == Outcome(1)
    assert ids(path) == [1, 2]


@pytest.mark.parametrize(
    "content", [b"this is no database, it is a text of some length\n" * 100, b"SQLite format 3\0" + b"\xff" * 5_000]
)
def test_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, writer: ArchiveWriter, content: bytes) -> None:
    path.write_bytes(content)

    damaged, after = writer.write(batch(1)), writer.write(batch(2))

    assert damaged.dropped == {"damaged": 1}
    assert damaged.fault.endswith("; it is set aside as e.sqlite.damaged")
    assert after == Outcome(1)
    assert ids(path) == [2]
    assert path.with_name("e.sqlite.damaged").read_bytes() == content
    assert writer.details() == {"retired": 0, "set_aside": 1}


def test_damage_that_comes_while_it_is_open_is_survived(path: Path, writer: ArchiveWriter) -> None:
    writer.write(batch(*range(200)))
    writer.close()
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 200)

    outcomes = [writer.write(batch(1_000)), writer.write(batch(1_001))]

    assert outcomes[0].dropped == {"damaged": 1}
    assert outcomes[1] == Outcome(1)


def test_full_disk_costs_the_batch_and_the_next_is_written_when_there_is_room(
    path: Path, writer: ArchiveWriter
) -> None:
    writer.write(batch(1))
    connection = writer._open()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")  # the file system says no in the same way

    full = writer.write([make_event(number, result="x" * 10_000) for number in range(2, 12)])
    room = writer.write(batch(12))

    assert (full.written, full.dropped, full.again) == (0, {"full": 10}, False)
    assert full.fault == "database or disk is full"
    assert room == Outcome(1)
    assert ids(path) == [1, 12]


def test_folder_that_is_missing_is_a_fault_and_no_error(tmp_path: Path) -> None:
    writer = make_writer(tmp_path / "missing" / "e.sqlite")

    outcome = writer.write(batch(1))

    assert outcome.dropped == {"failed": 1}
    assert "No such file" in outcome.fault
    assert writer.last_id() == 0


def test_database_of_somebody_else_stays_as_it_is(path: Path, writer: ArchiveWriter) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE events (name)")
    other.commit()
    other.close()

    outcome = writer.write(batch(1))

    assert outcome.dropped == {"failed": 1}
    assert "no such column" in outcome.fault or "has no column" in outcome.fault


def test_what_is_too_old_is_retired(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "CHUNK", 2)
    writer = make_writer(path, max_age=100.0)
    old, young = int((NOW - 101) * 1000), int((NOW - 99) * 1000)

    writer.write([make_event(number, timestamp=old if number < 6 else young) for number in range(1, 9)])
    writer.close()

    assert ids(path) == [6, 7, 8]
    assert writer.details()["retired"] == 5


@pytest.mark.slow
def test_oldest_are_retired_while_the_file_is_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "CHUNK", 50)
    limit = 400_000
    writer = make_writer(path, max_bytes=limit)
    sizes = []

    for first in range(1, 4_001, 200):
        writer.write([make_event(number, result="x" * 500) for number in range(first, first + 200)])
        sizes.append(size_of(writer._open()))
    left = read_page(path, Selection(newest=True), 1).records[0]["record_id"]
    writer.close()

    assert max(sizes) < limit * 1.1
    assert left == 4_000
    assert writer.details()["retired"] > 3_000


def test_connection_of_a_parent_process_is_left_alone(path: Path, writer: ArchiveWriter) -> None:
    writer.write(batch(1))
    parents = writer._open()

    writer.forget()
    writer.write(batch(2))

    with closing(parents):
        assert writer._open() is not parents
        assert parents.execute("SELECT count(*) FROM events").fetchone() == (2,)
