"""The names of the original product's diagnostics, and what each is here.

A monitor of its library has the same name here or none, then with the reason. Any other monitor is a custom one.
"""

from __future__ import annotations

PREFIXES = ("wlss/", "occas/")
"""What the SIP product put before the names of its monitors."""
STANDARD = frozenset({"DyeInjection", "SipSessionDebug", "HttpSessionDebug"})
"""Monitors with an action of their own."""
SERVER_SCOPE = frozenset({"DyeInjection"})
LIBRARY = STANDARD | {
    f"{family}_{location}_{what}"
    for family, points in (
        ("Sip_Servlet", ("Service", "Session", "Message_Send_Internal")),
        ("Servlet", ("Service", "Session")),
    )
    for location in ("Before", "After", "Around")
    for what in points
}
"""Monitors that have the same name here."""
RENAMED = {
    f"JDBC_{location}_{what}": f"Database_{location}_{what}"
    for location in ("Before", "After", "Around")
    for what in ("GetConnection", "CloseConnection", "CommitRollback", "Statement", "Execute")
}
"""Monitors that have another name here."""
WITHOUT = {
    "Connector_": "there are no resource adapters here",
    "EJB_": "there are no enterprise beans here",
    "JDBC_": "what a database driver does inside is not seen; the calls of it are: Database_Around_Execute and others",
    "JMS_": "there is no message service here",
    "JNDI_": "there is no naming service here",
    "JTA_": "there is no transaction service here",
    "MDB_": "there are no message-driven beans here",
    "Servlet_Before_Tags": "there are no JSP tags here",
    "Servlet_After_Tags": "there are no JSP tags here",
    "Servlet_Around_Tags": "there are no JSP tags here",
}
"""How names begin of which there is nothing here, and why."""
ACTIONS = frozenset({
    "TraceAction", "DisplayArgumentsAction", "StackDumpAction", "ThreadDumpAction", "TraceElapsedTimeAction",
    "TraceMemoryAllocationAction", "MethodInvocationStatisticsAction", "MethodMemoryAllocationStatisticsAction",
})  # fmt: skip
PROPERTIES = frozenset({
    *(f"{group}{number}" for group in ("ADDR", "USER", "COOKIE") for number in (1, 2, 3, 4)),
    "THROTTLE_INTERVAL", "THROTTLE_RATE", "SIP_REQ", "SIP_RES", "SIP_REQURI", "SIP_ANY_HEADER",
})  # fmt: skip
"""Properties of DyeInjection."""
OTHER_PARTS = {
    "harvester": "counters are read over the admin socket: weaver monitor ls",
    "watch-notification": "rules over events are written anew",
}
"""Parts of a descriptor besides instrumentation."""


def plain_name(name: str) -> str:
    """Return the name that a monitor has here: without the SIP product's prefix, or another."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return RENAMED.get(name, name)


def is_of_library(name: str) -> bool:
    """Say whether a name is that of a monitor of the library here that the original had, too."""
    return name in LIBRARY or name in RENAMED.values()


def is_server_scope(name: str) -> bool:
    """Say whether a monitor of the library stands in the server's own descriptor, which knows no class patterns."""
    return name in SERVER_SCOPE or name.endswith("_Internal")


def reason_without(name: str) -> str:
    """Return why there is no such monitor here; empty when that is not known."""
    return next((reason for start, reason in WITHOUT.items() if name.startswith(start)), "")
