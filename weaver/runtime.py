"""What the weaver needs of the program's concurrency; ``weaver.gevent_support`` has the gevent kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Runtime(Protocol):
    """Tasks, pauses and threads."""

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        """Run a function beside the caller; what it raises is logged."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause this task and let others run."""
        ...

    def call_in_thread(self, function: Callable[[], object]) -> None:
        """Run a function that blocks where it blocks nobody, and wait for it."""
        ...
