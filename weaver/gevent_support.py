"""The gevent runtime, and the guard against patching too late."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from gevent import monkey

log = logging.getLogger(__name__)


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

    def sleep(self, seconds: float) -> None:
        """Pause."""
        gevent.sleep(seconds)

    def call_in_thread(self, function: Callable[[], object]) -> None:
        """Run a function in the thread pool and wait."""
        gevent.get_hub().threadpool.apply(function)


def is_patched() -> bool:
    """Say whether gevent has patched the standard library."""
    return bool(monkey.is_module_patched("socket"))
