"""A flow: where a message came from or goes. A plain value, so that it can stand in a call state."""

from __future__ import annotations

import msgspec


class Flow(msgspec.Struct, frozen=True, array_like=True):
    """Transport and both addresses; ``connection`` names a connection of this process, if there is one."""

    transport: str
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    connection: str | None = None

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what is lost."""
        return self.transport != "UDP"

    def __str__(self) -> str:
        return f"{self.transport} {self.local_host}:{self.local_port} -> {self.remote_host}:{self.remote_port}"
