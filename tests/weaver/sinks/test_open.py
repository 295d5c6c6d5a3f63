"""The sinks that a configuration asks for, all together, on greenlets."""

import json
import logging
from pathlib import Path

import pytest

from tests.weaver.events import make_event
from weaver.config_events import ArchiveConfig, EventsConfig
from weaver.event import EventBuffer
from weaver.gevent_support import GeventRuntime
from weaver.query.archive import read_flags, read_page
from weaver.query.selection import Selection
from weaver.sinks.logger import LoggerWriter
from weaver.sinks.open import Sinks


def opened(folder: Path, buffer: EventBuffer) -> Sinks:
    archive = ArchiveConfig(path=str(folder / "e.sqlite"), max_days=0)
    config = EventsConfig(json_lines=str(folder / "e.jsonl"), log_level="INFO", archive=archive)
    return Sinks(config, buffer, GeventRuntime())


def test_every_sink_gets_every_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    buffer = EventBuffer()
    sinks = opened(tmp_path, buffer)

    with caplog.at_level(logging.INFO, "weaver.events"):
        sinks.start()
        for number in (1, 2):
            buffer.emit(make_event(number))
        sinks.stop()

    lines = (tmp_path / "e.jsonl").read_text().splitlines()
    records = read_page(tmp_path / "e.sqlite", Selection(), 10).records
    assert [json.loads(line)["record_id"] for line in lines] == [record["record_id"] for record in records] == [1, 2]
    assert [record.name for record in caplog.records] == ["weaver.events.M"] * 2
    assert [(found.name, found.written) for found in (sink.statistics() for sink in sinks.opened)] == [
        ("json-lines", 2),
        ("event-log", 2),
        ("archive", 2),
    ]
    assert read_flags(tmp_path / "e.sqlite")["ADDR1"] == 0


def test_ids_go_on_where_the_archive_ends(tmp_path: Path) -> None:
    first, second = EventBuffer(), EventBuffer()
    sinks = opened(tmp_path, first)
    sinks.start()
    for _ in range(3):
        first.emit(make_event(first.next_id()))
    sinks.stop()

    again = opened(tmp_path, second)
    again.start()
    again.stop()

    assert second.next_id() == 4


def test_nothing_is_opened_that_nobody_asks_for() -> None:
    sinks = Sinks(EventsConfig(), EventBuffer(), GeventRuntime())

    assert (sinks.opened, sinks.archive) == ([], None)


def test_log_record_has_the_event_and_a_line_for_people(caplog: pytest.LogCaptureFixture) -> None:
    event = make_event(
        1, context_id="c1", class_name="S", payload={"phase": "after", "elapsed_ns": 7, "dyes": ["ADDR1"]}
    )

    with caplog.at_level(logging.WARNING, "weaver.events"):
        outcomes = [LoggerWriter(level).write([event]) for level in ("WARNING", "DEBUG")]

    (record,) = caplog.records
    assert record.getMessage() == "TraceAction after S.f c1 elapsed_ns=7"
    assert record.__dict__["event"] is event
    assert [outcome.written for outcome in outcomes] == [1, 1]
