"""The sinks that ``[events]`` asks for, opened together and stopped together."""

from __future__ import annotations

from pathlib import Path

from weaver.config_events import EventsConfig
from weaver.dye_names import NAMES
from weaver.event import EventBuffer
from weaver.runtime import Runtime
from weaver.sinks.archive import ArchiveWriter
from weaver.sinks.json_lines import JsonLinesWriter
from weaver.sinks.logger import LoggerWriter
from weaver.sinks.queued import QueuedSink
from weaver.sinks.retirement import Retirement

DAY_SECONDS = 86_400


class Sinks:
    """The sinks of one process.

    Shape: ``archive`` is the file of the archive, None when there is none.
    """

    def __init__(self, config: EventsConfig, buffer: EventBuffer, runtime: Runtime) -> None:
        self.opened: list[QueuedSink] = []
        self._writer: ArchiveWriter | None = None
        self.archive = Path(config.archive.path) if config.archive.path else None
        if config.json_lines:
            writer = JsonLinesWriter(Path(config.json_lines), config.json_lines_max_bytes, config.json_lines_files)
            self.opened.append(QueuedSink("json-lines", writer, runtime))
        if config.log_level:
            self.opened.append(QueuedSink("event-log", LoggerWriter(config.log_level), runtime))
        if self.archive is not None:
            retirement = Retirement(config.archive.max_bytes, config.archive.max_days * DAY_SECONDS)
            self._writer = ArchiveWriter(self.archive, retirement, NAMES.bits)
            self.opened.append(QueuedSink("archive", self._writer, runtime))
        self._buffer = buffer

    def start(self) -> None:
        """Begin to take events; their ids go on where the archive's end."""
        if self._writer is not None:
            self._buffer.begin_after(self._writer.last_id())
        for sink in self.opened:
            self._buffer.subscribe(sink)
            sink.start()

    def stop(self) -> None:
        """Write what is queued and close everything."""
        for sink in self.opened:
            sink.stop()
