"""TCP: SIP on a plain stream."""

from __future__ import annotations

from server.config import ConnectionsConfig
from server.transport.channel import SipChannel
from server.transport.receiver import Receiver
from server.transport.stream import StreamTransport


class TcpTransport(StreamTransport):
    """A TCP listener and its connections.

    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receiver: Receiver,
        limits: ConnectionsConfig,
    ) -> None:
        super().__init__("TCP", host, port, receiver, limits, SipChannel)
