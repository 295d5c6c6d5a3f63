"""Events as JSON lines in a file: queued without waiting, written by a task of the runtime, dropped when it is late.

A file that has grown to its limit is renamed to ``FILE.1``, in place of the one before, and begun anew.
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import msgspec

from weaver.event import Event
from weaver.log import Log
from weaver.runtime import Runtime

log = Log(__name__)

QUEUE = 10_000
PAUSE = 0.1
"""Seconds between two writes."""


class JsonLinesSink:
    """Appends events to a file.

    Units: ``max_bytes`` bytes.
    """

    def __init__(self, path: Path, runtime: Runtime, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._runtime = runtime
        self._queue: deque[Event] = deque()
        self._stopped = False
        self.dropped = 0
        self.written = 0

    def __call__(self, event: Event) -> None:
        """Queue an event."""
        if len(self._queue) < QUEUE:
            self._queue.append(event)
        else:
            self.dropped += 1

    def start(self) -> None:
        """Begin to write; what is queued when the process forks is written by the parent only."""
        queue = self._queue
        os.register_at_fork(after_in_child=queue.clear)
        self._runtime.spawn("json-lines", self._work)

    def stop(self) -> None:
        """Write what is queued and end."""
        self._stopped = True
        self._flush()

    def _work(self) -> None:
        while not self._stopped:
            self._runtime.sleep(PAUSE)
            self._runtime.call_in_thread(self._flush)

    def _flush(self) -> None:
        lines = []
        for _ in range(len(self._queue)):
            try:
                event = self._queue.popleft()
            except IndexError:
                break  # ``stop`` writes from another thread
            try:
                lines.append(msgspec.json.encode(event) + b"\n")
            except Exception:
                self.dropped += 1
                log.exception("%s: an event of %s cannot be written", self._path, event.monitor)
        if not lines:
            return
        try:
            with self._path.open("ab") as file:
                file.write(b"".join(lines))
                size = file.tell()
            self.written += len(lines)
            if size >= self._max_bytes:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        except OSError as error:
            self.dropped += len(lines)
            log.warning("%s: %d events could not be written: %s", self._path, len(lines), error)
