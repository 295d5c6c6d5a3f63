"""Sip_Servlet_*_Message_Send_Internal: the server writes a SIP message to the wire."""

from __future__ import annotations

from monitors.family import Family, executions, register_all
from weaver.api import Plugins

FAMILIES = (
    Family(
        "Sip_Servlet_*_Message_Send_Internal",
        "server",
        "a SIP message is written to the wire",
        executions("server.engine.outbound.send_outbound"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
