"""The outbound queue: what a turn sends leaves after its call state is stored (output commit).

``send_outbound`` is the only way to the wire, but for stateless refusals. Each entry keeps a copy of the context it
was made in.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Protocol

from server.sip.message import Request, Response
from server.transport.flow import Flow


class Sender(Protocol):
    """What a transport can do for the outbound queue."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Hand the bytes to the network.

        Errors: TransportError.
        """
        ...


class OutboundEntry:
    """A message, where it goes, and the context it was made in."""

    __slots__ = ("context", "flow", "message")

    def __init__(self, message: Request | Response, flow: Flow) -> None:
        self.message = message
        self.flow = flow
        self.context: Context = copy_context()


def send_outbound(message: Request | Response, flow: Flow, transports: Mapping[str, Sender]) -> None:
    """Format the message and hand its bytes to the transport of its flow.

    Errors: TransportError.
    """
    transports[flow.transport].send(message.wire(), flow)
