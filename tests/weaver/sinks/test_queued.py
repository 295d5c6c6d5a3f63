import logging
from collections.abc import Callable, Sequence

import pytest

from tests.weaver.events import make_event
from tests.weaver.sinks.runtimes import NoTasks, OneTask
from weaver.event import Event
from weaver.sinks import queued
from weaver.sinks.queued import Outcome, QueuedSink


class Scripted:
    """A writer that does as it is told, and then writes."""

    target = "somewhere"

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.batches: list[list[int]] = []
        self.closed = 0

    def write(self, events: Sequence[Event]) -> Outcome:
        self.batches.append([event.record_id for event in events])
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome(len(events))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        self.closed += 1

    def forget(self) -> None:
        raise AssertionError("nobody forks here")

    def details(self) -> dict[str, int]:
        return {"batches": len(self.batches)}


def offer(sink: QueuedSink, *numbers: int) -> Callable[[], None]:
    def put() -> None:
        for number in numbers:
            sink(make_event(number))

    return put


def with_pauses(writer: Scripted, *batches: list[int]) -> QueuedSink:
    """Return a sink that gets events in the pauses of its task, and is stopped in the last."""
    sink = QueuedSink("s", writer, runtime := OneTask())
    runtime.pauses += [*(offer(sink, *numbers) for numbers in batches), sink.stop]
    return sink


def test_events_are_written_in_order_when_the_sink_stops() -> None:
    writer = Scripted()
    sink = QueuedSink("s", writer, NoTasks())
    sink.start()

    offer(sink, 1, 2, 3)()
    assert writer.batches == []
    sink.stop()

    assert (writer.batches, writer.closed) == ([[1, 2, 3]], 1)
    assert (sink.statistics().written, sink.statistics().dropped) == (3, {"stopped": 0})


def test_queue_that_is_full_drops_and_counts() -> None:
    writer = Scripted()
    sink = QueuedSink("s", writer, NoTasks(), capacity=2)

    offer(sink, 1, 2, 3, 4)()
    sink.stop()

    assert writer.batches == [[1, 2]]
    assert sink.statistics().dropped["queue"] == 2


def test_event_after_the_end_is_dropped_and_counted() -> None:
    sink = QueuedSink("s", Scripted(), NoTasks())
    sink.stop()

    offer(sink, 1)()

    assert sink.statistics().dropped["stopped"] == 1


def test_task_writes_batch_after_batch_until_the_sink_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "BATCH", 2)
    writer = Scripted()
    sink = with_pauses(writer, [1, 2, 3, 4, 5], [])

    sink.start()

    assert writer.batches == [[1, 2], [3, 4], [5]]


def test_batch_that_shall_come_again_comes_again_with_what_was_added() -> None:
    writer = Scripted(Outcome(fault="locked", again=True))
    sink = with_pauses(writer, [1], [2])

    sink.start()

    assert writer.batches == [[1], [1, 2]]
    assert (sink.statistics().written, sum(sink.statistics().dropped.values())) == (2, 0)


def test_end_does_not_wait_for_what_cannot_be_written() -> None:
    writer = Scripted(Outcome(fault="locked", again=True))
    sink = QueuedSink("s", writer, NoTasks())
    offer(sink, 1, 2)()

    sink.stop()

    assert (len(writer.batches), sink.statistics().dropped, writer.closed) == (1, {"stopped": 2}, 1)


def test_fault_is_said_once_when_it_begins_and_once_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    full = Outcome(dropped={"full": 1}, fault="disk full")
    writer = Scripted(full, full, full)
    sink = with_pauses(writer, [1], [2], [3], [4])

    with caplog.at_level(logging.WARNING):
        sink.start()

    assert [record.getMessage() for record in caplog.records] == [
        "s: events are not written to somewhere: disk full",
        "s: events are written to somewhere again",
    ]
    assert (sink.statistics().dropped["full"], sink.statistics().written) == (3, 1)


def test_fault_is_shown_while_it_lasts() -> None:
    seen: list[str] = []
    writer = Scripted(Outcome(dropped={"full": 1}, fault="disk full"))
    sink = QueuedSink("s", writer, runtime := OneTask())
    runtime.pauses += [offer(sink, 1), lambda: seen.append(sink.statistics().fault), sink.stop]

    sink.start()

    assert seen == ["disk full"]


def test_writer_that_raises_costs_its_batch_and_nothing_else() -> None:
    writer = Scripted(RuntimeError("broken"))
    sink = with_pauses(writer, [1], [2])

    sink.start()

    assert writer.batches == [[1], [2]]
    assert (sink.statistics().written, sink.statistics().dropped["error"]) == (1, 1)


def test_end_waits_for_the_batch_that_is_being_written() -> None:
    class Busy(OneTask):
        def sleep(self, seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 1:
                offer(sink, 1)()

        def call_in_thread(self, function: Callable[[], object]) -> None:
            sink.stop(0.05)
            function()

    waited: list[float] = []
    writer = Scripted()
    sink = QueuedSink("s", writer, Busy())

    sink.start()

    assert waited == [queued.PAUSE, *[0.01] * 5]
    assert (writer.closed, sink.statistics().dropped) == (0, {"stopped": 1})
