"""Timer_*: timers of applications are set, cancelled and fire; the server wakes a call that has something due."""

from __future__ import annotations

from monitors.family import Family, executions, register_all
from weaver.api import Plugins

TIMERS = "server.container.timers.ContainerTimers"

FAMILIES = (
    Family(
        "Timer_*_Schedule",
        "application",
        "an application sets or cancels a timer",
        executions(f"{TIMERS}.create_timer", f"{TIMERS}.cancel_timer"),
    ),
    Family(
        "Timer_*_Timeout",
        "application",
        "a servlet is told that its timer has fired",
        executions("server.servlet.sip_servlet.SipServlet+.timeout"),
        outermost=True,
    ),
    Family(
        "Timer_*_Wake_Internal",
        "server",
        "the server wakes a call that has something due",
        executions("server.engine.engine.Engine.wake"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
