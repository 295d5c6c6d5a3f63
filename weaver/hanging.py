"""Stops actions that hang: a kernel interval timer looks at those that run, and raises in one that is over its time.

The timer is armed by the first action that begins and disarmed by the first tick that finds none running; while none
runs there is no timer, and an action pays for two entries in a dict. A tick raises only when the interrupted frame lies
below the action's own call, never in the code that called it, and only when the tick before has found the action over
its time already: a process that was not scheduled for a while is no action that hangs. An action that waits
cooperatively gets the error through the runtime, where it waits.

It cannot stop C code that never looks for signals, an action outside the main thread, compiled advice, or one that
catches ``BaseException`` for ever. It uses SIGALRM and does nothing where the program has a handler of its own for it.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from types import FrameType, ModuleType
from typing import Any

TICK_SECONDS = 0.01


class ActionStopped(BaseException):
    """Is raised in an action that hangs."""


Interrupt = Callable[[Any, Callable[[], bool]], None]
"""Raises ActionStopped in a task that waits, if the given test still says so then."""


class HangGuard:
    """The timer and the actions that run.

    Shape: ``running`` has the deadline of each by its task, negative when it was found over it.
    Units: deadlines in nanoseconds of ``perf_counter_ns``.
    """

    def __init__(self) -> None:
        self.running: dict[object, int] = {}
        self.task: Callable[[], object] = _thread.get_ident
        self.is_watching = False
        self._interrupt: Interrupt | None = None
        self._is_armed = False

    def start(self, task: Callable[[], object] | None = None, interrupt: Interrupt | None = None) -> str:
        """Begin to watch; return why it cannot, empty when it does. ``task`` names the current task of the runtime."""
        signal = _signal()
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return "the program has a handler for SIGALRM"
        try:
            signal.signal(signal.SIGALRM, self.tick)
        except ValueError:
            return "the weaver was not started in the main thread"
        self.task, self._interrupt = task or _thread.get_ident, interrupt
        self.is_watching = True
        return ""

    def stop(self) -> None:
        """End watching; the signal is as it was."""
        if not self.is_watching:
            return
        self.is_watching = False
        self._disarm()
        signal = _signal()
        if signal.getsignal(signal.SIGALRM) == self.tick:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def run(self, function: Callable[[Any], Any], invocation: object, deadline_ns: int) -> Any:
        """Run an action until its deadline.

        Errors: those of the action; ActionStopped when it hangs.
        """
        task = self.task()
        self.running[task] = deadline_ns
        if not self._is_armed:
            self._arm()
        try:
            return function(invocation)
        finally:
            self.running.pop(task, None)

    def tick(self, _number: int, frame: FrameType | None) -> None:
        """Look at the actions that run.

        Errors: ActionStopped, when the interrupted frame is in one that hangs.
        """
        if not self.running:
            self._disarm()
            return
        now, current, is_here = perf_counter_ns(), self.task(), False
        for task, deadline in list(self.running.items()):
            if 0 <= deadline <= now:
                if task in self.running:
                    self.running[task] = ~deadline
            elif deadline < 0 and task == current:
                is_here = True
            elif deadline < 0 and self._interrupt is not None:
                self._interrupt(task, partial(self._is_at, task, deadline))
        if is_here and _is_in_action(frame):
            raise ActionStopped

    def forget(self) -> None:
        """Begin anew in a forked child, which has neither the timer nor the actions of its parent."""
        self.running.clear()
        self._is_armed = False

    def _is_at(self, task: object, deadline: int) -> bool:
        return self.running.get(task) == deadline

    def _arm(self) -> None:
        """Start the timer, unless somebody else has taken the signal meanwhile: without a handler it kills."""
        signal = _signal()
        if self.is_watching and signal.getsignal(signal.SIGALRM) == self.tick:
            self._is_armed = True
            signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)

    def _disarm(self) -> None:
        if self._is_armed:
            self._is_armed = False
            signal = _signal()
            signal.setitimer(signal.ITIMER_REAL, 0.0)


def _signal() -> ModuleType:
    """Return the module, which gevent may have patched; this file is imported before."""
    import signal

    return signal


def _is_in_action(frame: FrameType | None) -> bool:
    """Say whether a frame lies below the call of an action."""
    if frame is None or frame.f_code is _RUN:
        return False
    while frame is not None:
        if frame.f_code is _RUN:
            return True
        frame = frame.f_back
    return False


_RUN = HangGuard.run.__code__

GUARD = HangGuard()
"""The guard of this process: there is one such timer."""

os.register_at_fork(after_in_child=GUARD.forget)
