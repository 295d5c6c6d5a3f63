"""SipSessionDebug and HttpSessionDebug: how large a session is before and after its attributes are changed.

The size is that of the attributes as the state tier keeps them. Of an HTTP session that is asked for, only what came of
it has a size.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import msgspec

from monitors.family import executions
from monitors.http_servlet import REQUEST
from monitors.sip_servlet import OF_SIP, SESSIONS
from weaver.api import ActionKind, Invocation, MonitorDefinition, Plugins, parse_pointcut

ATTRIBUTES = 1_000
"""Attributes of one session that are looked at."""

CHANGED = executions(f"{SESSIONS}.*.set_attribute", f"{SESSIONS}.*.remove_attribute")

MONITORS = {
    "SipSessionDebug": (
        f"({CHANGED}) and {OF_SIP}",
        "Tells the size of a SIP or application session before and after an attribute is set or removed.",
    ),
    "HttpSessionDebug": (
        f"({CHANGED}) and this({SESSIONS}.ContainerHttpSession) or "
        + executions(f"{REQUEST}.session", f"{REQUEST}.existing_session"),
        "Tells the size of an HTTP session when it is asked for, and before and after an attribute is set or removed.",
    ),
}


class SessionDebugAction:
    """The fixed action of both monitors.

    Units: ``size_bytes`` and ``grown_bytes`` bytes.
    """

    name = "SessionDebugAction"
    kind: ActionKind = "built-in"

    def run(self, invocation: Invocation) -> None:
        """Do nothing: it acts around."""

    def enter(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the size before."""
        invocation.state = _measured(invocation.arguments[0])
        return invocation.state

    def leave(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the size after, and by how much it grew."""
        before: Any = invocation.state
        after = _measured(invocation.arguments[0]) or _measured(invocation.result)
        if before and after:
            after["grown_bytes"] = after["size_bytes"] - before["size_bytes"]
        if invocation.error is not None:
            after["error"] = type(invocation.error).__name__
        return after


def _measured(session: Any) -> dict[str, Any]:
    """Return the size of a session and how many attributes it has, nothing for what is no session."""
    names = getattr(session, "attribute_names", None)
    if names is None:
        return {}
    values = {name: session.get_attribute(name) for name in islice(names, ATTRIBUTES)}
    return {"size_bytes": len(msgspec.msgpack.encode(values)), "attributes": len(names)}


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    action = SessionDebugAction()
    for name, (pointcut, description) in MONITORS.items():
        plugins.monitor(
            MonitorDefinition(
                name,
                "application",
                "standard",
                "around",
                parse_pointcut(pointcut),
                description,
                (action.name,),
                action,
                outermost=True,
            )
        )
