"""What the weaver needs of the program's concurrency; ``weaver.gevent_support`` has the gevent kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Runtime(Protocol):
    """Tasks, pauses, threads and signals."""

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        """Run a function beside the caller; what it raises is logged."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause this task and let others run."""
        ...

    def call_in_thread(self, function: Callable[[], object]) -> None:
        """Run a function that blocks where it blocks nobody, and wait for it."""
        ...

    def repeat(self, name: str, seconds: float, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function every so often, beside the caller, until the result is called; what it raises is logged."""
        ...

    def after(self, seconds: float, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function once, beside the caller, unless the result is called before."""
        ...

    def on_signal(self, number: int, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function in a task of its own when a signal comes, as others may, until the result is called."""
        ...

    def task_name(self) -> str:
        """Return the name of the running task."""
        ...
