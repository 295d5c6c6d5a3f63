"""Whether the archive keeps up with 20,000 events a second, and how long it holds up the program's other tasks.

A greenlet emits a hundred events every five milliseconds; another wants to run every millisecond and notes how late it
is. In turn with the archive and without one, so that the machine's own pauses can be told from those of the archive.
The garbage collector is off meanwhile: the pauses that it makes for events in memory are not the archive's.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, time_ns

import gevent

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.figures import Figure, at_most, report
from weaver.config_events import ArchiveConfig, EventsConfig
from weaver.event import Event, EventBuffer
from weaver.gevent_support import GeventRuntime
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.open import Sinks
from weaver.sinks.queued import BATCH
from weaver.sinks.retirement import Retirement

RATE, EACH = 20_000, 100
SECONDS = 2.0
ROUNDS = 5
TICK = 0.001
NOW_MS = time_ns() // 1_000_000


def make_event(buffer: EventBuffer, at: int) -> Event:
    return Event(
        buffer.next_id(), NOW_MS + at, f"4f0c2a11be9d-{at // 8:016x}", "z9hG4bK74bf9", "alice",
        "TraceElapsedTimeAction", "", "node", "application", "apps.click2call.servlets",
        "Sip_Servlet_Around_Service", "/srv/apps/click2call/servlets.py", 120, "apps.click2call.Callee", "do_invite",
        "(self, request: SipRequest) -> None", None, None,
        {"phase": "after", "elapsed_ns": at, "dyes": ["ADDR1", "PROTOCOL_SIP"]},
        {"call_key": "9f2c1a", "method": "INVITE", "status": None, "call_id": "a84b4c76e66710@pc33.example.com"},
        1, "worker",
    )  # fmt: skip


def emit_all(buffer: EventBuffer) -> float:
    """Emit at the rate; return how long it took."""
    began, total = perf_counter(), int(RATE * SECONDS)
    for first in range(0, total, EACH):
        for at in range(first, first + EACH):
            buffer.emit(make_event(buffer, at))
        gevent.sleep(max(0.0, began + (first + EACH) / RATE - perf_counter()))
    return perf_counter() - began


def tick(late: list[float]) -> None:
    """Note by how much each tick is late, until killed."""
    while True:
        due = perf_counter() + TICK
        gevent.sleep(TICK)
        late.append(perf_counter() - due)


def run(archive: Path | None) -> tuple[list[float], float, Sinks]:
    """Return how late the ticks were, how long it took until all was written, and the sinks."""
    buffer = EventBuffer()
    config = EventsConfig(archive=ArchiveConfig(path=None if archive is None else str(archive)))
    sinks = Sinks(config, buffer, GeventRuntime())
    sinks.start()
    late: list[float] = []
    ticking = gevent.spawn(tick, late)  # noqa: TID251 - a benchmark's own task
    taken = emit_all(buffer)
    ticking.kill()
    began = perf_counter()
    sinks.stop()
    return late, taken + perf_counter() - began, sinks


def capacity() -> float:
    """Return how many events a second are written when they are all there."""
    buffer = EventBuffer()
    events = [make_event(buffer, at) for at in range(RATE)]
    with tempfile.TemporaryDirectory() as folder:
        writer = ArchiveWriter(Path(folder) / "e.sqlite", Retirement(1 << 30, 0.0), dict)
        began = perf_counter()
        for first in range(0, RATE, BATCH):
            writer.write(events[first : first + BATCH])
        taken = perf_counter() - began
        writer.close()
    return RATE / taken


def main() -> None:
    gc.freeze()
    gc.disable()
    with_it, without, took = [], [], []
    lost = 0
    for number in range(ROUNDS):
        without.append(max(run(None)[0]))
        with tempfile.TemporaryDirectory() as folder:
            late, taken, sinks = run(Path(folder) / f"{number}.sqlite")
        with_it.append(max(late))
        gc.collect()
        took.append(taken)
        lost += int(RATE * SECONDS) - sinks.opened[0].statistics().written
    written = statistics.median(capacity() for _ in range(ROUNDS))
    report(
        [
            Figure("events written in a second", round(written), "1/s", f">= {RATE}", written >= RATE),
            at_most(f"{RATE * SECONDS:g} events emitted in {SECONDS:g} s: lost", lost, "events", 0),
            at_most("the same: all of them archived after", statistics.median(took), "s", SECONDS + 0.5),
            at_most("longest stall of another task, with the archive", 1e3 * statistics.median(with_it), "ms", 20),
            Figure("the same without it: the machine's", round(1e3 * statistics.median(without), 2), "ms"),
        ]
    )


if __name__ == "__main__":
    main()
