"""Runtimes in which nothing runs beside the test."""

from collections.abc import Callable


class NoTasks:
    """Nothing runs but what the test calls."""

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        del name, function, arguments

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, not even {seconds} s")

    def call_in_thread(self, function: Callable[[], object]) -> None:
        function()

    def task_name(self) -> str:
        return "test"


class OneTask(NoTasks):
    """The task runs at once, for as long as ``pauses`` has something to do in the next pause."""

    def __init__(self) -> None:
        self.pauses: list[Callable[[], object]] = []

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        function(*arguments)

    def sleep(self, seconds: float) -> None:
        self.pauses.pop(0)()
