"""Lets one thread at a time look for joinpoints and weave; whoever may not wait leaves word.

The tasks of one thread never come in between: nothing that is done here switches. Threads can, after any instruction:
one that gives a monitor up while another switches one, or that imports. The lock is the native one, whatever gevent has
patched, and belongs to a thread: its tasks never wait for each other.
"""

from __future__ import annotations

import _thread
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast
from weakref import WeakSet

from weaver.errors import WeavingBusyError
from weaver.log import Log

log = Log(__name__)

WAIT_SECONDS = 10.0


class Exclusion:
    """The right to change what is woven, which one thread has at a time, as often as it likes.

    Shape: ``_depth`` is how often the thread that has it came in, ``_left`` what is done before it is given back.
    Errors: WeavingBusyError on the way in, when another thread does not give it back.
    """

    def __init__(self) -> None:
        self._lock = _thread.RLock()
        self._depth = 0
        self._left: deque[Callable[[], object]] = deque()
        _all.add(self)

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise WeavingBusyError(f"another thread has been weaving for {WAIT_SECONDS:g} s; try again")
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        try:
            if self._left and self._depth == 1:
                self._do_what_is_left()
        finally:  # here and not in a function: it must not fail at the limit of recursion
            self._depth -= 1
            is_out = not self._depth
            self._lock.release()
        if is_out and self._left:
            self._do_if_free()

    def soon(self, action: Callable[[], object]) -> None:
        """Do something as soon as this is free: now, or by the thread that has it; nobody waits."""
        if action not in self._left:  # what fails at each pass would ask for it at each
            self._left.append(action)
        self._do_if_free()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Have this for a block, and never wait for it: what a woven function does must not.

        Errors: WeavingBusyError when another thread has it.
        """
        if not self._lock.acquire(blocking=False):
            raise WeavingBusyError("another thread is weaving; try again")
        try:
            with self:
                yield
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Begin anew in a forked child, where a thread that had this is no more."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._lock = _thread.RLock()
            self._depth = 0

    def _do_if_free(self) -> None:
        """Do what is left, unless a thread has this: it does so when it leaves."""
        while self._left and self._lock.acquire(blocking=False):
            is_inside = self._depth > 0
            self._depth += 1
            try:
                if not is_inside:
                    self._do_what_is_left()
            finally:
                self._depth -= 1
                self._lock.release()
            if is_inside:
                return

    def _do_what_is_left(self) -> None:
        while self._left:
            try:
                self._left.popleft()()
            except Exception:
                log.exception("what was to be changed meanwhile could not be")


_all: WeakSet[Exclusion] = WeakSet()


Method = TypeVar("Method", bound=Callable[..., Any])


def alone(method: Method) -> Method:
    """Have a method of what has an ``exclusion`` run while no other thread changes what is woven.

    Errors: WeavingBusyError, when another thread does not come to an end.
    """

    @wraps(method)
    def excluding(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.exclusion:
            return method(self, *args, **kwargs)

    return cast("Method", excluding)


def _forget_all() -> None:
    for one in list(_all):
        one.forget()


os.register_at_fork(after_in_child=_forget_all)
