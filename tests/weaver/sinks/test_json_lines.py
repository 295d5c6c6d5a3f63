import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.weaver.events import make_event
from weaver.sinks import json_lines
from weaver.sinks.json_lines import JsonLinesSink


class NoTasks:
    """A runtime in which nothing runs beside the test."""

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        del name, function, arguments

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, not even {seconds} s")

    def call_in_thread(self, function: Callable[[], object]) -> None:
        function()


def lines(path: Path) -> list[int]:
    return [msgspec.json.decode(line)["record_id"] for line in path.read_bytes().splitlines()]


def test_events_are_written_in_order_when_the_sink_stops(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "e.jsonl", NoTasks(), 1 << 20)
    sink.start()

    for number in range(3):
        sink(make_event(number))
    assert not (tmp_path / "e.jsonl").exists()
    sink.stop()

    assert lines(tmp_path / "e.jsonl") == [0, 1, 2]
    assert (sink.written, sink.dropped) == (3, 0)


def test_queue_that_is_full_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "QUEUE", 2)
    sink = JsonLinesSink(tmp_path / "e.jsonl", NoTasks(), 1 << 20)

    for number in range(5):
        sink(make_event(number))
    sink.stop()

    assert lines(tmp_path / "e.jsonl") == [0, 1]
    assert sink.dropped == 3


def test_event_that_cannot_be_written_does_not_take_others_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = JsonLinesSink(tmp_path / "e.jsonl", NoTasks(), 1 << 20)

    with caplog.at_level(logging.CRITICAL):
        for number, facts in enumerate(({}, {"call_id": "a\udcffb"}, {"call_id": object()}, {})):
            sink(make_event(number, context_payload=facts))
        sink.stop()

    assert lines(tmp_path / "e.jsonl") == [0, 3]
    assert (sink.written, sink.dropped) == (2, 2)


def test_file_that_cannot_be_written_costs_events_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = JsonLinesSink(tmp_path / "missing" / "e.jsonl", NoTasks(), 1 << 20)

    sink(make_event(1))
    with caplog.at_level(logging.WARNING):
        sink.stop()

    assert sink.dropped == 1
    assert "could not be written" in caplog.text


def test_file_that_has_grown_to_its_limit_is_begun_anew_and_one_before_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    limit = 2 * len(msgspec.json.encode(make_event(0)))

    for number in range(5):
        sink = JsonLinesSink(path, NoTasks(), limit)
        sink(make_event(number))
        sink.stop()

    assert lines(path) == [4]
    assert lines(tmp_path / "e.jsonl.1") == [2, 3]
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["e.jsonl", "e.jsonl.1"]


def test_writing_goes_on_until_the_sink_stops(tmp_path: Path) -> None:
    class Turns(NoTasks):
        def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
            function(*arguments)

        def sleep(self, seconds: float) -> None:
            assert seconds == json_lines.PAUSE
            sink(make_event(7))

        def call_in_thread(self, function: Callable[[], object]) -> None:
            function()
            sink.stop()

    sink = JsonLinesSink(tmp_path / "e.jsonl", Turns(), 1 << 20)

    sink.start()

    assert lines(tmp_path / "e.jsonl") == [7]
