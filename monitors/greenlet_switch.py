"""Greenlet_*_Spawn and Greenlet_*_Switch: greenlets are begun, and wait so that others run."""

from __future__ import annotations

from monitors.family import Family, calls, executions, register_all
from weaver.api import Plugins

FAMILIES = (
    Family(
        "Greenlet_*_Spawn",
        "application",
        "a greenlet is begun",
        " or ".join((
            executions("server.greenlets.spawn", "server.greenlets.Workers.run"),
            calls("gevent.{spawn,spawn_later,spawn_raw}", "Group+.spawn", "ThreadPool+.{spawn,apply,map}"),
        )),
    ),
    Family(
        "Greenlet_*_Switch",
        "application",
        "a greenlet waits and others run: how long it waits is the elapsed time",
        calls(
            "gevent.{sleep,idle,joinall,killall,wait}",
            "{Event,AsyncResult,Semaphore,BoundedSemaphore,RLock}+.{wait,acquire}",
        ),
    ),
)  # fmt: skip


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
