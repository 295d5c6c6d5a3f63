"""Calls at a rate between two SIPp through a subject: what they cost in CPU, how long they take, whether it keeps up.

The subject has one core for itself, SIPp and the timed calls another, where there are two.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.sip.probe import timed_calls
from tests.bench.sip.subjects import Subject, Way
from tests.interop.processes import Process, Sipp, free_ports

SETTLE, LATE, DRAIN = 0.5, 1.6, 15.0
"""Seconds: from the start of a subject to the first call; that the last calls may take, and those that fail."""
MOST_BAD = 0.001
"""Share of calls that may fail or need a retransmission where a rate counts as sustained."""
CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Load:
    """What calls at a rate did to a subject.

    Units: microseconds of CPU a call; milliseconds from INVITE to 200 of the timed calls.
    """

    rate: float
    calls: int
    cpu_us: float
    failed: int
    retransmissions: int
    in_time: bool
    latencies_ms: tuple[float, ...]

    @property
    def is_sustained(self) -> bool:
        """Whether the subject kept up, and SIPp as well."""
        return self.in_time and self.failed + self.retransmissions < max(1.0, MOST_BAD * self.calls)


def run(subject: Subject, rate: int, calls: int, probes: float = 0.0) -> Load:
    """Start a subject, have it take calls, end it; ``probes`` timed calls a second come on top."""
    port, caller_port, callee_port = free_ports(3)
    running: list[Process] = []
    with TemporaryDirectory() as place:
        way = Way(port, caller_port, callee_port, Path(place))
        try:
            with on_core(-1):
                running.append(subject.start(way))
            _pause(SETTLE)
            with on_core(0):
                return _load(way, running, rate, calls, probes)
        finally:
            for process in reversed(running):
                process.kill()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and those below it."""
    used = 0.0
    for task in (Path("/proc") / str(pid) / "task").iterdir():
        used += int((task / "schedstat").read_text().split()[0]) / 1e9
        used += sum(cpu_seconds(int(child)) for child in (task / "children").read_text().split())
    return used


@contextmanager
def on_core(index: int) -> Iterator[None]:
    """Have the processes and threads that are started here run on one core."""
    os.sched_setaffinity(0, {CORES[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)


def _load(way: Way, running: list[Process], rate: int, calls: int, probes: float) -> Load:
    callee = Sipp("callee", way.callee_port, 10 * calls, way.folder)
    running.append(callee)
    callee.wait_bound(way.callee_port)
    pid = running[0].pid
    before, began = cpu_seconds(pid), time.monotonic()
    with timed_calls(way.port, probes, calls / rate) as timed:
        most = str(max(2000, 4 * rate))
        longest = calls / rate + DRAIN
        limits = ("-l", most, "-timeout", str(int(longest)))
        goal = f"127.0.0.1:{way.port}"
        caller = Sipp("caller", way.caller_port, calls, way.folder, "-r", str(rate), *limits, goal)
        running.append(caller)
        counts = caller.counts(timeout=longest + DRAIN)
        took = time.monotonic() - began
    used = cpu_seconds(pid) - before
    latencies = timed.latencies_ms
    return Load(
        rate=rate,
        calls=calls,
        cpu_us=used / max(counts.successful + len(latencies), 1) * 1e6,
        failed=calls - counts.successful + timed.calls - len(latencies),
        retransmissions=counts.retransmissions,
        in_time=took < 1.25 * calls / rate + LATE,
        latencies_ms=tuple(latencies),
    )


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
