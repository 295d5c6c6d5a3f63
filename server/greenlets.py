"""Greenlets: the only place of the server that spawns.

Context variables do not cross ``gevent.spawn``; what is spawned here runs in a copy of its parent's context, so that
whatever travels in one (the server does not know what) goes along. ``Workers`` are parked greenlets for the turns of
calls: a new one is made only when none is idle, because making a greenlet costs several times what waking one costs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import ParamSpec

import gevent
from gevent import Greenlet as Greenlet  # noqa: PLC0414 - the handle that spawn returns
from greenlet import GreenletExit, getcurrent

P = ParamSpec("P")
log = logging.getLogger(__name__)


def spawn(name: str, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Greenlet:
    """Run a function in a new greenlet, in a copy of the caller's context; what it raises is logged.

    Shape: ``name`` is what the log and the greenlet tree show.
    """
    greenlet = Greenlet(copy_context().run, _guarded, name, function, *args, **kwargs)
    greenlet.name = name
    greenlet.start()
    return greenlet


def _guarded(name: str, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> object:
    try:
        return function(*args, **kwargs)
    except GreenletExit:
        raise
    except Exception:
        log.exception("greenlet %s ended by an error", name)
        return None


@dataclass(frozen=True, slots=True)
class WorkersStatistics:
    """How many greenlets there are, how many of them wait for work, how many jobs were run."""

    greenlets: int
    idle: int
    jobs: int


class Workers:
    """Parked greenlets that run one job after another.

    A job runs in the worker's own, empty context; it is never run inline, so ``run`` may be called from the hub.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[Greenlet] = []
        self._all: set[Greenlet] = set()
        self._jobs = 0
        self._is_stopped = False
        self._hub = gevent.get_hub()
        self._call_soon = self._hub.loop.run_callback

    def run(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run the function soon in an idle worker, or in a new one when none is idle; never once it was stopped."""
        if self._is_stopped:
            return
        self._jobs += 1
        if self._idle:
            self._call_soon(self._idle.pop().switch, (function, args, kwargs))
            return
        worker = Greenlet(self._work, function, args, kwargs)
        worker.name = f"{self._name}-{len(self._all) + 1}"
        self._all.add(worker)
        Context().run(worker.start)  # it serves many calls, and takes nothing from whoever needed it first

    def stop(self) -> None:
        """End the idle workers and, at their next switch, the busy ones.

        Switches: yes.
        """
        self._is_stopped = True
        gevent.killall(list(self._all), timeout=1.0)
        self._idle.clear()

    def statistics(self) -> WorkersStatistics:
        """Return the present counts."""
        return WorkersStatistics(len(self._all), len(self._idle), self._jobs)

    def _work(self, function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        me = getcurrent()
        try:
            while True:
                try:
                    function(*args, **kwargs)
                except GreenletExit:
                    raise
                except Exception:
                    log.exception("worker %s: a job ended by an error", self._name)
                self._idle.append(me)
                function, args, kwargs = self._hub.switch()
        except GreenletExit:
            pass
        finally:
            self._all.discard(me)
            if me in self._idle:
                self._idle.remove(me)
