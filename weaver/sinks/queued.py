"""A sink that never makes an event wait: it queues, and a task of the runtime hands batches to a writer in a thread.

What does not fit into the queue or cannot be written is dropped and counted by reason. A fault is said once, when it
begins, and once when it is over.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from weaver.event import Event
from weaver.log import Log
from weaver.runtime import Runtime

log = Log(__name__)

CAPACITY = 20_000
"""Events that wait at most."""
BATCH = 250
"""Events that are written at once: few, since while they are made ready the program's other tasks may wait."""
PAUSE = 0.1
"""Seconds between two batches when fewer than that wait."""
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Shape: ``dropped`` counts by reason; ``again`` says that nothing was written and it shall come again; ``fault`` is
    what an operator should know, empty when all is well.
    """

    written: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    fault: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class SinkStatistics:
    """Counts of a sink.

    Shape: ``dropped`` counts by reason: ``queue`` (full), ``stopped``, those of the writer. ``details`` are the
    writer's own.
    """

    name: str
    target: str
    queued: int
    capacity: int
    written: int
    dropped: dict[str, int]
    fault: str
    details: dict[str, int]


class Writer(Protocol):
    """Where batches go; called in a thread, by one at a time."""

    target: str

    def write(self, events: Sequence[Event]) -> Outcome:
        """Write a batch; what the world outside does is no error but an outcome."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...

    def forget(self) -> None:
        """Leave what is open to the parent of this process."""
        ...

    def details(self) -> dict[str, int]:
        """Return counts of its own."""
        ...


class QueuedSink:
    """One sink: the subscriber of the buffer, its queue, its task."""

    def __init__(self, name: str, writer: Writer, runtime: Runtime, capacity: int = CAPACITY) -> None:
        self._name = name
        self._writer = writer
        self._runtime = runtime
        self._capacity = capacity
        self._queue: deque[Event] = deque()
        self._dropped: Counter[str] = Counter()
        self._written = 0
        self._fault = ""
        self._is_writing = False
        self._is_stopped = False

    def __call__(self, event: Event) -> None:
        """Queue an event."""
        if self._is_stopped:
            self._dropped["stopped"] += 1
        elif len(self._queue) < self._capacity:
            self._queue.append(event)
        else:
            self._dropped["queue"] += 1

    def start(self) -> None:
        """Begin to write; what is queued when the process forks is written by the parent only."""
        os.register_at_fork(after_in_child=self._forget)
        self._runtime.spawn(self._name, self._work)

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Write what is queued, close the writer.

        Switches: yes, while a batch is being written.
        """
        self._is_stopped = True
        while self._is_writing and timeout > 0:
            self._runtime.sleep(0.01)
            timeout -= 0.01
        if not self._is_writing:
            self._write_rest()
            self._writer.close()
        self._dropped["stopped"] += len(self._queue)
        self._queue.clear()

    def statistics(self) -> SinkStatistics:
        """Return the counts."""
        return SinkStatistics(
            self._name,
            self._writer.target,
            len(self._queue),
            self._capacity,
            self._written,
            dict(self._dropped),
            self._fault,
            self._writer.details(),
        )

    def _work(self) -> None:
        outcome = Outcome()
        while not self._is_stopped:
            if len(self._queue) < BATCH or outcome.again:
                self._runtime.sleep(PAUSE)
            if self._queue and not self._is_stopped:
                outcome = self._write_in_thread()
                self._tell(outcome.fault)

    def _write_rest(self) -> None:
        outcome = Outcome()
        while self._queue and not outcome.again:
            outcome = self._write_batch()
            self._tell(outcome.fault)

    def _write_in_thread(self) -> Outcome:
        outcomes: list[Outcome] = []
        self._is_writing = True
        try:
            self._runtime.call_in_thread(lambda: outcomes.append(self._write_batch()))
        finally:
            self._is_writing = False
        return outcomes[0]

    def _write_batch(self) -> Outcome:
        """Write the oldest events; they stay in the queue until it is known what became of them."""
        count = min(BATCH, len(self._queue))
        batch = [self._queue[at] for at in range(count)]
        try:
            outcome = self._writer.write(batch)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the sink
            outcome = Outcome(dropped={"error": count}, fault=f"{type(error).__name__}: {error}")
        if not outcome.again:
            for _ in range(min(count, len(self._queue))):  # fewer, if the sink's end did not wait for this batch
                self._queue.popleft()
        self._written += outcome.written
        self._dropped.update(outcome.dropped)
        return outcome

    def _tell(self, fault: str) -> None:
        if fault and not self._fault:
            log.warning("%s: events are not written to %s: %s", self._name, self._writer.target, fault)
        elif self._fault and not fault:
            log.warning("%s: events are written to %s again", self._name, self._writer.target)
        self._fault = fault

    def _forget(self) -> None:
        self._queue.clear()
        self._is_writing = False
        self._writer.forget()
