"""A flow: where a message came from or goes; and what every transport can do with one.

A flow is a plain value, so that it can stand in a call state. This module knows no socket.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class Flow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Transport and both addresses; ``connection`` names a connection of this process, if there is one.

    Shape: ``transport`` is ``UDP`` or ``TCP``; hosts are addresses, IPv6 without brackets.
    """

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
        local = format_address(self.local_host, self.local_port)
        return f"{self.transport} {local} -> {format_address(self.remote_host, self.remote_port)}"


def format_address(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Transport(Protocol):
    """What takes messages to and from the network.

    A transport calls ``on_datagram(data, flow)`` once for each message. That function must not raise and not block:
    UDP calls it in the hub.
    """

    @property
    def local(self) -> tuple[str, int]:
        """The address it listens on; port 0 is replaced by the one that was taken."""
        ...

    def start(self) -> None:
        """Begin to receive.

        Errors: OSError when the address cannot be used.
        """
        ...

    def stop(self, timeout: float) -> None:
        """Send what waits, close, and be done after ``timeout`` seconds at the latest."""
        ...

    def statistics(self) -> object:
        """Return the present counts, a frozen dataclass."""
        ...

    def flow_to(self, host: str, port: int) -> Flow:
        """Return the flow from here to an address."""
        ...

    def send(self, data: bytes, flow: Flow) -> None:
        """Hand one message to the network; never waits for the peer.

        Errors: TransportError when it is known at once that the message does not go out.
        """
        ...
