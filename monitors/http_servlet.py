"""Servlet_*_Service and Servlet_*_Session: HTTP servlets serve requests, HTTP sessions are made and used."""

from __future__ import annotations

from monitors.family import Family, executions, register_all
from weaver.api import Plugins

SERVLET = "server.servlet.http_servlet.HttpServlet+"
REQUEST = "server.servlet.http_servlet.HttpRequest"
SESSIONS = "server.container.sessions"
USED = "{get_attribute,set_attribute,remove_attribute}"

FAMILIES = (
    Family(
        "Servlet_*_Service",
        "application",
        "an HTTP servlet serves a request, once for a servlet and a request",
        executions(f"{SERVLET}.service", f"{SERVLET}.do_*"),
        outermost=True,
    ),
    Family(
        "Servlet_*_Session",
        "application",
        "an HTTP session is asked for, or used",
        f"({executions(f'{SESSIONS}.*.{USED}')}) and this({SESSIONS}.ContainerHttpSession) or "
        + executions(f"{REQUEST}.session", f"{REQUEST}.existing_session"),
        outermost=True,
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
