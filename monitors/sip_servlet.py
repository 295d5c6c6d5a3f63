"""Sip_Servlet_*_Service and Sip_Servlet_*_Session: servlets serve messages, sessions are made, used and ended."""

from __future__ import annotations

from monitors.family import Family, executions, register_all
from weaver.api import Plugins

SERVLET = "server.servlet.sip_servlet.SipServlet+"
SESSIONS = "server.container.sessions"
USED = "{get_attribute,set_attribute,remove_attribute,invalidate}"
OF_SIP = f"(this({SESSIONS}.ContainerSipSession) or this({SESSIONS}.ContainerApplicationSession))"

FAMILIES = (
    Family(
        "Sip_Servlet_*_Service",
        "application",
        "a servlet serves a SIP message, once for a servlet and a message",
        executions(f"{SERVLET}.service", f"{SERVLET}.do_*"),
        outermost=True,
    ),
    Family(
        "Sip_Servlet_*_Session",
        "application",
        "a SIP or application session is made, used or ended",
        f"({executions(f'{SESSIONS}.*.{USED}')}) and {OF_SIP} or "
        + executions("server.container.drafts.{draft,new_application}", "server.container.inbound.Inbound._session"),
        outermost=True,
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
