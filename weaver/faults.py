"""What becomes of an error that an action raises: it stays away from the call, unless it was aimed at the call.

A greenlet may be killed, a time limit may run out and a signal may come while an action runs; that is meant for the
call, and goes on to it. What the action itself raised is counted and told once; after a run of errors, and at once
when an action hangs, its monitor is switched off.
"""

from __future__ import annotations

import dis
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from weaver.hanging import ActionStopped
from weaver.log import Log

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

FRAMES = 10
"""Frames of an error that are logged, the last ones."""


def contain(monitor: Monitor, action: str, phase: str, error: BaseException) -> None:
    """Deal with an error out of an action.

    Errors: the error itself, when it was aimed at the call.
    """
    hangs = isinstance(error, ActionStopped)
    if not hangs and not is_own(error):
        raise error
    monitor.counters.errors += 1
    allowance = monitor.allowance
    is_first, is_one_too_many = allowance.fail(action, phase)
    if is_first:
        with suppress(Exception):  # a logging filter that raises
            log.error("monitor %s: %s failed", monitor.definition.name, action, exc_info=_told(error))
    if hangs:
        allowance.stop(f"{action} did not end within {allowance.limits.hang_ms} ms")
    elif is_one_too_many:
        allowance.stop(f"{action} failed {allowance.limits.errors} times in a row")


def _told(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """Return an error with its last frames only: to write a thousand takes 0.1 s, and a call waits for it."""
    last = first = error.__traceback__
    for _ in range(FRAMES):
        last = last and last.tb_next
    while last is not None and first is not None:
        first, last = first.tb_next, last.tb_next
    return type(error), error, first


def is_own(error: BaseException) -> bool:
    """Say whether an error is of the making of the code that it came out of, and was not thrown into it from outside.

    Every ``Exception`` is. Of the others those that a ``raise`` statement or ``sys.exit`` made, outside signal
    handlers; what is thrown into a greenlet or raised by an interrupt comes up at another instruction.
    """
    if isinstance(error, Exception):
        return True
    trace = error.__traceback__
    if trace is None:
        return False
    handlers = _signal_handlers()
    while True:
        code = trace.tb_frame.f_code
        if any(code is handler for handler in handlers):
            return False
        if trace.tb_next is None:
            break
        trace = trace.tb_next
    if isinstance(error, SystemExit):
        return True
    return 0 <= trace.tb_lasti < len(code.co_code) and dis.opname[code.co_code[trace.tb_lasti]] == "RAISE_VARARGS"


def _signal_handlers() -> list[object]:
    """Return the code objects of the signal handlers that are set now."""
    import signal  # not above: gevent patches it

    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return [getattr(handler, "__code__", None) for handler in handlers]
