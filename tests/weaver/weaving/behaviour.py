"""All that can be seen of a generated function when it runs."""

import builtins
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import CodeType, FrameType, FunctionType, TracebackType, coroutine
from typing import Any

from tests.weaver.weaving.programs import Program

FILE = "<generated>"
TICKS = 12


class Suppress:
    """A context manager of both kinds that lets some errors end there."""

    def __init__(self, error: type[BaseException], log: list[object]) -> None:
        self._error = error
        self._log = log

    def __enter__(self) -> int:
        self._log.append("in")
        return 6

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._log.append(("out", kind))
        return kind is not None and issubclass(kind, self._error)

    async def __aenter__(self) -> int:
        await step("in")
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        await step("out")
        return self.__exit__(kind)


@coroutine
def step(value: object) -> Iterator[object]:
    return (yield ("awaited", value))


class Steps:
    """Iterates in both manners, and takes part in ``yield from``."""

    def __init__(self, value: object, log: list[object]) -> None:
        self._value = value
        self._log = log

    def __iter__(self) -> Iterator[object]:
        try:
            got = yield self._value
            self._log.append(("got", got))
        except ValueError:
            self._log.append("caught")
            yield "again"
        return 4

    async def __aiter__(self) -> AsyncIterator[object]:
        for value in range(2):
            await step(value)
            yield value


def helper(a: int, b: int) -> int:
    return a % b


def observe(program: Program, change: Callable[[CodeType], CodeType], traced: bool = False) -> list[object]:
    """Run a program with its function's code changed; return everything that happened, in order."""
    space: dict[str, Any] = {}
    exec(compile(program.source, FILE, "exec"), space)
    log: list[object] = []
    left = iter(range(TICKS))
    tick = lambda: next(left, None) is not None  # noqa: E731
    function, cell = space["make"](log, tick, helper, Suppress, step, Steps)
    function.__code__ = change(function.__code__)
    before = sys.gettrace()
    if traced:
        sys.settrace(_tracer(log))
    try:
        _run(function, program, log)
    finally:
        sys.settrace(before)
    log.append(("cell", _told(_outcome(cell))))
    return [_told(entry) for entry in log]


def _run(function: FunctionType, program: Program, log: list[object]) -> None:
    outcome = _outcome(lambda: function(*program.arguments, **program.keywords))
    made = outcome[1] if outcome[0] == "returned" else None
    if not hasattr(made, "close") and not hasattr(made, "aclose"):
        log.append(outcome)
        return
    for what, value in (*program.steps, *(("send", None),) * 3):
        log.append((what, _outcome(lambda what=what, value=value: _step(made, what, value))))  # type: ignore[misc]
    for _ in range(4 * TICKS):
        log.append(("closed", _outcome(lambda: _step(made, "close", None))))
        if not any(getattr(made, f"{kind}_frame", None) for kind in ("gi", "cr", "ag")):
            break


def _step(made: Any, what: str, value: Any) -> object:
    """Send, throw or close; what an asynchronous generator awaits in between is passed over, and told."""
    if what == "throw":
        value = getattr(builtins, value)("thrown")
    if not hasattr(made, "asend"):
        return getattr(made, what)(*() if what == "close" else (value,))
    running = getattr(made, "a" + what)(*() if what == "close" else (value,))
    awaited: list[object] = []
    try:
        while True:
            awaited.append(running.send(None))
    except StopIteration as stop:
        return (*awaited, stop.value)


def _outcome(function: Callable[[], object]) -> tuple[str, object, object]:
    try:
        return "returned", function(), None
    except BaseException as error:
        return "raised", error, _chain(error)


def _chain(error: BaseException | None) -> list[object]:
    """Return an error with those behind it, each with the places of its traceback."""
    found: list[object] = []
    while error is not None and len(found) < 8:
        found.append((type(error), repr(error), _places(error.__traceback__), error.__suppress_context__))
        error = error.__cause__ or error.__context__
    return found


def _places(traceback: TracebackType | None) -> list[object]:
    """Return line and columns of every frame of a traceback that is in generated code."""
    found: list[object] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILE:
            found.append((code.co_name, traceback.tb_lineno, list(code.co_positions())[traceback.tb_lasti // 2]))
        traceback = traceback.tb_next
    return found


def _tracer(log: list[object]) -> Callable[[FrameType, str, Any], Any]:
    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != FILE:
            return None
        told = type(argument[1]) if event == "exception" else _told(argument)
        log.append((event, frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals), told))
        return tracer

    return tracer


def _told(value: object) -> object:
    """Return a value that can be compared between two runs: objects with identity by their kind."""
    if isinstance(value, (tuple, list)):
        return tuple(_told(one) for one in value)
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, BaseException):
        return repr(value)
    return value if isinstance(value, (int, str, type, type(None))) else type(value)
