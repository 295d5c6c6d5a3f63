import logging

import msgspec
import pytest

from tests.weaver.events import make_event
from weaver.event import Event, EventBuffer


def test_event_has_the_fields_of_the_original_in_its_order() -> None:
    assert Event.__struct_fields__ == (
        "record_id", "timestamp", "context_id", "transaction_id", "user_id", "type", "domain", "server", "scope",
        "module", "monitor", "filename", "line", "class_name", "method", "method_descriptor", "arguments", "result",
        "payload", "context_payload", "dyes", "thread",
    )  # fmt: skip


def test_ring_keeps_the_last_events() -> None:
    buffer = EventBuffer(3)

    for number in range(5):
        buffer.emit(make_event(number))

    assert [event.record_id for event in buffer.recent()] == [2, 3, 4]
    assert buffer.emitted == 5


def test_record_ids_rise() -> None:
    buffer = EventBuffer()

    assert [buffer.next_id() for _ in range(3)] == [1, 2, 3]


def test_subscriber_gets_events_until_it_ends() -> None:
    buffer, seen = EventBuffer(), list[Event]()
    end = buffer.subscribe(seen.append)

    buffer.emit(make_event(1))
    end()
    end()
    buffer.emit(make_event(2))

    assert [event.record_id for event in seen] == [1]


def test_subscriber_that_raises_is_removed_and_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    buffer, seen = EventBuffer(), list[Event]()

    def broken(event: Event) -> None:
        raise RuntimeError("broken")

    buffer.subscribe(broken)
    buffer.subscribe(seen.append)
    with caplog.at_level(logging.ERROR):
        buffer.emit(make_event(1))
        buffer.emit(make_event(2))

    assert (buffer.failed, len(seen), len(caplog.records)) == (1, 2, 1)


def test_event_survives_json() -> None:
    event = make_event(1)

    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event


def test_statistics_tell_what_is_kept_and_what_was_dropped_and_why() -> None:
    buffer = EventBuffer(2)
    buffer.subscribe(lambda event: None)
    for number in range(5):
        buffer.emit(make_event(number))
    buffer.drop("rate")

    found = buffer.statistics()

    assert (found.capacity, found.kept, found.emitted, found.subscribers) == (2, 2, 5, 1)
    assert found.dropped == {"overwritten": 3, "rate": 1}


def test_ids_go_on_above_those_of_an_archive() -> None:
    buffer = EventBuffer()

    buffer.begin_after(41)

    assert buffer.next_id() == 42


def test_subscriber_that_ends_while_an_event_is_handed_on_keeps_it_from_nobody() -> None:
    buffer, seen = EventBuffer(), list[int]()
    ends = [buffer.subscribe(lambda event: ends[0]()), buffer.subscribe(lambda event: seen.append(event.record_id))]

    buffer.emit(make_event(1))
    buffer.emit(make_event(2))

    assert seen == [1, 2]
    assert buffer.statistics().subscribers == 1
