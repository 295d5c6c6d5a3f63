"""``weaver ps``: the servers that run here."""

from __future__ import annotations

import click

from weaver.cli.client import NO_SERVER, START_ONE, ClientError, Server, connect, find_servers
from weaver.cli.output import common_options, print_json, print_table, settings


@click.command()
@common_options
def ps() -> None:
    """List the servers that run here, with their admin sockets."""
    target = settings().target
    if target is not None and "/" in target:
        with connect(target) as client:
            servers = [client.server]
    else:
        servers = [s for s in find_servers() if target is None or target in {s.name, str(s.pid)}]
    if settings().json:
        print_json({"servers": [_as_json(server) for server in servers]})
        click.get_current_context().exit(0 if servers else NO_SERVER)
    if not servers:
        raise ClientError("no server is running", NO_SERVER, START_ONE)
    print_table(
        ["NAME", "PID", "VERSION", "SOCKET", "COMMAND"],
        [(s.name or "?", s.pid or "?", s.version or "?", s.socket, s.fault or s.command) for s in servers],
    )


def _as_json(server: Server) -> dict[str, object]:
    if server.fault:
        return {"socket": str(server.socket), "fault": server.fault}
    return {
        "name": server.name,
        "pid": server.pid,
        "version": server.version,
        "role": server.role,
        "command": server.command,
        "features": list(server.features),
        "socket": str(server.socket),
    }
