"""Dns_*_Lookup and Dns_*_Lookup_Internal: a name is looked up, by an application or by the server."""

from __future__ import annotations

from monitors.family import Family, calls, executions, register_all
from weaver.api import Plugins

FAMILIES = (
    Family(
        "Dns_*_Lookup",
        "application",
        "the addresses of a name are asked for with the functions of the socket module",
        calls("socket.{getaddrinfo,gethostbyname,gethostbyname_ex,gethostbyaddr,getnameinfo,create_connection}"),
    ),
    Family(
        "Dns_*_Lookup_Internal",
        "server",
        "the server asks the hosts file or DNS, because it has no answer kept",
        executions("server.transport.dns.DnsResolver.query"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
