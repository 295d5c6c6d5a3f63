"""Sip_Servlet_{Before,After,Around}_Message_Send_Internal: the container writes a message to the wire."""

from __future__ import annotations

from weaver.api import MonitorDefinition, Plugins, parse_pointcut

POINTCUT = "execution(* server.engine.outbound.send_outbound(..))"


def register(plugins: Plugins) -> None:
    """Contribute the three monitors."""
    pointcut = parse_pointcut(POINTCUT)
    for location, words in (("before", "before"), ("after", "after"), ("around", "before and after")):
        plugins.monitor(
            MonitorDefinition(
                f"Sip_Servlet_{location.title()}_Message_Send_Internal",
                "server",
                "delegating",
                location,  # type: ignore[arg-type]
                pointcut,
                f"Acts {words} a SIP message is written to the wire.",
            )
        )
