"""The gevent runtime, contexts that follow what a message starts, and the guard against patching too late."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import Any

import gevent
from gevent import Greenlet, getcurrent, monkey  # noqa: TID251 - to be told of greenlets that others start
from gevent.threadpool import ThreadPool

from weaver.context import following, hand_down
from weaver.hanging import ActionStopped

log = logging.getLogger(__name__)

NEEDED = ("socket", "ssl", "select", "threading", "time")


class GeventRuntime:
    """Tasks are greenlets; what blocks runs in gevent's thread pool."""

    def spawn(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        """Run a function in a greenlet."""

        def guarded() -> None:
            try:
                function(*arguments)
            except Exception:
                log.exception("the weaver's task %s ended by an error", name)

        gevent.spawn(guarded)  # noqa: TID251 - the server's spawn is not ours to use

    def repeat(self, name: str, seconds: float, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function every so often in a greenlet, until the result is called."""

        def again() -> None:
            while True:
                gevent.sleep(seconds)
                try:
                    function()
                except Exception:
                    log.exception("the weaver's task %s failed and goes on", name)

        task = gevent.spawn(again)  # noqa: TID251 - as above
        return lambda: task.kill(block=False)

    def after(self, seconds: float, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function once in a greenlet, unless the result is called before."""

        def guarded() -> None:
            try:
                function()
            except Exception:
                log.exception("what the weaver was to do after %g s ended by an error", seconds)

        task = gevent.spawn_later(seconds, guarded)  # noqa: TID251 - as above
        return lambda: task.kill(block=False)

    def on_signal(self, number: int, function: Callable[[], object]) -> Callable[[], object]:
        """Call a function in a greenlet when a signal comes; other handlers of gevent's get it too."""
        watcher = gevent.signal_handler(number, function)
        return watcher.cancel  # type: ignore[no-any-return]

    def sleep(self, seconds: float) -> None:
        """Pause."""
        gevent.sleep(seconds)

    def call_in_thread(self, function: Callable[[], object]) -> None:
        """Run a function in the thread pool and wait."""
        gevent.get_hub().threadpool.apply(function)

    def task_name(self) -> str:
        """Return the greenlet's name; one without is a raw greenlet, or the first of its thread."""
        greenlet = getcurrent()
        return getattr(greenlet, "name", None) or ("main" if greenlet.parent is None else "raw greenlet")


def follow_tasks() -> Callable[[], None]:
    """Have the tasks that a message starts inherit its context; return what ends that.

    Shape: tasks are greenlets however they are started (``spawn``, ``spawn_later``, pools, groups, patched threads) and
    what is given to gevent's native thread pools. Raw greenlets and threads that gevent knows nothing of get nothing.
    """
    spawn = ThreadPool.spawn

    @wraps(spawn)
    def follow(pool: ThreadPool, func: Callable[..., object], *args: object, **kwargs: object) -> object:
        return spawn(pool, following(func), *args, **kwargs)

    def end() -> None:
        Greenlet.remove_spawn_callback(_hand_down)
        if ThreadPool.spawn is follow:
            ThreadPool.spawn = spawn

    Greenlet.add_spawn_callback(_hand_down)
    ThreadPool.spawn = follow
    return end


def _hand_down(greenlet: Greenlet) -> None:
    """Give a greenlet that is about to start the context of whoever starts it, unless it has been given one."""
    if greenlet.gr_context is None:
        greenlet.gr_context = hand_down(partial(_is_running, id(greenlet)))


def _is_running(greenlet: int) -> bool:
    return id(getcurrent()) == greenlet


def current_task() -> object:
    """Return the greenlet that runs."""
    return getcurrent()


def interrupt(task: Any, is_still_meant: Callable[[], bool]) -> None:
    """Raise ActionStopped in a greenlet where it waits, from the event loop, if the test says so then."""

    def throw() -> None:
        if is_still_meant():
            with suppress(task.error):  # it belongs to another thread
                task.throw(ActionStopped())

    gevent.get_hub().loop.run_callback(throw)


def unpatched() -> tuple[str, ...]:
    """Return the modules of the standard library that gevent should have patched and has not."""
    return tuple(name for name in NEEDED if not monkey.is_module_patched(name))
