"""The gevent runtime, contexts across ``gevent.spawn``, and the guard against patching too late."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from gevent import getcurrent, monkey

from weaver.context import DiagnosticContext

log = logging.getLogger(__name__)

NEEDED = ("socket", "ssl", "select", "threading", "time")
_KEY = "weaver.diagnostic_context"


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


def carry(context: DiagnosticContext | None) -> None:
    """Leave a context to the greenlets that this one spawns.

    A fresh dict each time: ``spawn_tree_locals`` is shared with children that were spawned before.
    """
    greenlet = getcurrent()
    if hasattr(greenlet, "spawn_tree_locals"):
        left = {key: value for key, value in (greenlet.spawn_tree_locals or {}).items() if key != _KEY}
        greenlet.spawn_tree_locals = left if context is None else {**left, _KEY: context}


def find_inherited() -> DiagnosticContext | None:
    """Return the context that this greenlet was spawned with; a raw greenlet has none."""
    found = (getattr(getcurrent(), "spawn_tree_locals", None) or {}).get(_KEY)
    return found if isinstance(found, DiagnosticContext) else None


def unpatched() -> tuple[str, ...]:
    """Return the modules of the standard library that gevent should have patched and has not."""
    return tuple(name for name in NEEDED if not monkey.is_module_patched(name))
