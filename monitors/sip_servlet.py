"""Sip_Servlet_{Before,After,Around}_Service: a servlet serves a message."""

from __future__ import annotations

from weaver.api import MonitorDefinition, Plugins, parse_pointcut

SERVLET = "server.servlet.sip_servlet.SipServlet+"
POINTCUT = f"execution(* {SERVLET}.service(..)) or execution(* {SERVLET}.do_*(..))"


def register(plugins: Plugins) -> None:
    """Contribute the three monitors; each fires once for a servlet and a message, at the outermost frame."""
    pointcut = parse_pointcut(POINTCUT)
    for location, words in (("before", "before"), ("after", "after"), ("around", "before and after")):
        plugins.monitor(
            MonitorDefinition(
                f"Sip_Servlet_{location.title()}_Service",
                "application",
                "delegating",
                location,  # type: ignore[arg-type]
                pointcut,
                f"Acts {words} a servlet serves a SIP message.",
                outermost=True,
            )
        )
