"""A flow: where a message came from or goes; and what every transport can do with one.

A flow is a plain value, so that it can stand in a call state. This module knows no socket.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
"""The port of each transport where none is given (RFC 3261 18.2.2, RFC 7118 5.1)."""

UNRESOLVED = "DNS"
"""The transport of a flow whose target is a name that is being looked up."""


class Flow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Transport and both addresses; ``connection`` names a connection that the peer opened and only he can open again.

    Shape: ``transport`` is ``UDP``, ``TCP``, ``TLS``, ``WS`` or ``WSS``; hosts are addresses, IPv6 without brackets;
    ``name`` is the one that the peer's certificate must bear. In an ``UNRESOLVED`` flow ``remote_host`` is a URI and
    the local address is not known yet.
    """

    transport: str
    local_host: str
    local_port: int
    remote_host: str
    remote_port: int
    connection: str | None = None
    name: str = ""

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what is lost."""
        return self.transport != "UDP"

    @property
    def secure(self) -> bool:
        """Whether the transport is one that a sips: URI asks for."""
        return self.transport in {"TLS", "WSS"}

    def __str__(self) -> str:
        local = format_address(self.local_host, self.local_port)
        return f"{self.transport} {local} -> {format_address(self.remote_host, self.remote_port)}"


def format_address(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Transport(Protocol):
    """What takes messages to and from the network; it hands each that comes to its ``Receiver``."""

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

    def flow_to(self, host: str, port: int, name: str = "") -> Flow:
        """Return the flow from here to an address; ``name`` is the one that a certificate must bear."""
        ...

    def is_open(self, flow: Flow) -> bool:
        """Say whether something can be sent over the flow: it needs no connection of the peer, or that is open."""
        ...

    def send(self, data: bytes, flow: Flow) -> None:
        """Hand one message to the network; never waits for the peer.

        Errors: TransportError when it is known at once that the message does not go out.
        """
        ...
