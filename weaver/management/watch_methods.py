"""``watch.*``: watches, live; those of the file come back when the file changes them."""

from __future__ import annotations

from typing import Any

from weaver.management.roles import Role
from weaver.management.rpc import MethodLike, RegisteredMethod, by_name
from weaver.notices import Severity
from weaver.watch import Alarm, make_watch
from weaver.watches import Watches


def watch_methods(watches: Watches) -> dict[str, MethodLike]:
    """Return the methods over the watches of a process."""

    def list_all() -> Any:
        return {"watches": watches.status(), "dropped": watches.dropped}

    def add(
        name: str,
        when: str,
        actions: list[str] | None = None,
        severity: Severity = "warning",
        alarm: Alarm = "automatic",
        reset: float = 60.0,
        dye: float = 600.0,
        description: str = "",
    ) -> Any:
        given = {"severity": severity, "alarm": alarm, "reset": reset, "dye": dye, "description": description}
        return watches.add(make_watch(name, {"when": when, "actions": actions or ["notify"], **given}))

    def set_enabled(name: str, enabled: bool) -> Any:
        return watches.switch(name, enabled=enabled)

    return {
        "watch.list": RegisteredMethod(by_name(list_all), "Lists all watches.", Role.VIEWER),
        "watch.add": RegisteredMethod(by_name(add), "Adds a watch.", Role.OPERATOR),
        "watch.remove": RegisteredMethod(by_name(watches.remove), "Takes a watch out.", Role.OPERATOR),
        "watch.set": RegisteredMethod(by_name(set_enabled), "Switches a watch on or off.", Role.OPERATOR),
        "watch.reset": RegisteredMethod(by_name(watches.reset), "Ends the alarm of a watch.", Role.OPERATOR),
    }
