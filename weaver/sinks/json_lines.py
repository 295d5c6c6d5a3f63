"""Events as JSON lines in a file, begun anew when it has grown to its limit; the last files are kept.

``FILE`` becomes ``FILE.1``, that one ``FILE.2`` and so on; the last one goes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import msgspec

from weaver.event import Event
from weaver.sinks.queued import Outcome


class JsonLinesWriter:
    """Appends batches to a file.

    Units: ``max_bytes`` bytes; ``kept`` files beside the present one.
    """

    def __init__(self, path: Path, max_bytes: int, kept: int = 1) -> None:
        self.target = str(path)
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._rotated = 0

    def write(self, events: Sequence[Event]) -> Outcome:
        """Append a batch, whole or not at all."""
        lines = [line for line in map(_line, events) if line]
        dropped = {"unwritable": len(events) - len(lines)} if len(lines) < len(events) else {}
        try:
            if self._append(b"".join(lines)) >= self._max_bytes:
                self._rotate()
        except OSError as error:
            return Outcome(dropped={**dropped, "failed": len(lines)}, fault=error.strerror or str(error))
        return Outcome(len(lines), dropped)

    def close(self) -> None:
        """Do nothing: no file stays open between two batches."""

    def forget(self) -> None:
        """Do nothing: no file is open."""

    def details(self) -> dict[str, int]:
        """Return how often the file was begun anew."""
        return {"rotated": self._rotated}

    def _append(self, data: bytes) -> int:
        """Return the size of the file; of a write that failed nothing stays.

        Errors: OSError.
        """
        with self._opened() as file:
            began = file.tell()
            try:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
            except OSError:
                file.truncate(began)
                raise
            return file.tell()

    def _opened(self) -> FileIO:
        """Open the file; a new one is read by nobody else, because events tell who calls whom.

        Errors: OSError.
        """
        return open(self._path, "ab", buffering=0, opener=lambda path, flags: os.open(path, flags, 0o600))

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._kept + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)
        if not self._kept:
            self._path.unlink()
        self._rotated += 1


def _line(event: Event) -> bytes:
    """Return an event as a line, empty when JSON cannot hold it."""
    try:
        return msgspec.json.encode(event) + b"\n"
    except (TypeError, ValueError, RecursionError, OverflowError):
        return b""
