import errno
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.weaver.events import make_event
from weaver.sinks.json_lines import JsonLinesWriter
from weaver.sinks.queued import Outcome


def ids(path: Path) -> list[int]:
    return [msgspec.json.decode(line)["record_id"] for line in path.read_bytes().splitlines()]


def test_batches_are_appended(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path / "e.jsonl", 1 << 20)

    outcomes = [writer.write([make_event(0), make_event(1)]), writer.write([make_event(2)])]

    assert ids(tmp_path / "e.jsonl") == [0, 1, 2]
    assert outcomes == [Outcome(2), Outcome(1)]


def test_file_is_read_by_nobody_else_before_and_after_it_was_begun_anew(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path / "e.jsonl", 1)

    for number in (0, 1):
        writer.write([make_event(number)])
    writer = JsonLinesWriter(tmp_path / "e.jsonl", 1 << 20)
    writer.write([make_event(2)])

    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "e.jsonl": 0o600,
        "e.jsonl.1": 0o600,
    }


def test_event_that_cannot_be_written_does_not_take_others_along(tmp_path: Path) -> None:
    writer = JsonLinesWriter(tmp_path / "e.jsonl", 1 << 20)
    facts: list[dict[str, Any]] = [{}, {"call_id": "a\udcffb"}, {"call_id": object()}, {}]

    outcome = writer.write([make_event(number, context_payload=one) for number, one in enumerate(facts)])

    assert ids(tmp_path / "e.jsonl") == [0, 3]
    assert outcome == Outcome(2, {"unwritable": 2})


def test_file_that_cannot_be_written_costs_events_and_nothing_else(tmp_path: Path) -> None:
    outcome = JsonLinesWriter(tmp_path / "missing" / "e.jsonl", 1 << 20).write([make_event(1)])

    assert outcome == Outcome(dropped={"failed": 1}, fault="No such file or directory")


def test_disk_that_gets_full_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    writer = JsonLinesWriter(path, 1 << 20)
    writer.write([make_event(0)])
    whole = path.stat().st_size

    class HalfFull:
        """The file, on a disk that has room for ten bytes more."""

        def __init__(self, path: Path) -> None:
            self.file = path.open("ab", buffering=0)
            self.room = 10

        def __enter__(self) -> "HalfFull":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def tell(self) -> int:
            return self.file.tell()

        def truncate(self, size: int) -> None:
            self.file.truncate(size)

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= (written := self.file.write(data[: self.room]))
            return written

    full = JsonLinesWriter(path, 1 << 20)
    full._opened = lambda: HalfFull(path)  # type: ignore[method-assign, assignment, return-value]
    outcome = full.write([make_event(1)])
    after = path.stat().st_size
    writer.write([make_event(2)])

    assert outcome == Outcome(dropped={"failed": 1}, fault="No space left on device")
    assert after == whole
    assert ids(path) == [0, 2]


@pytest.mark.parametrize(("kept", "left"), [(0, {}), (1, {".1": [3]}), (3, {".1": [3], ".2": [2], ".3": [1]})])
def test_file_that_has_grown_is_begun_anew_and_the_last_are_kept(
    tmp_path: Path, kept: int, left: dict[str, list[int]]
) -> None:
    writer = JsonLinesWriter(tmp_path / "e.jsonl", 10, kept)

    for number in range(4):
        writer.write([make_event(number)])

    assert {path.name.removeprefix("e.jsonl"): ids(path) for path in tmp_path.iterdir()} == left
    assert writer.details() == {"rotated": 4}
