"""Who takes what the transports receive and report: the engine."""

from __future__ import annotations

from typing import Protocol

from server.sip.errors import MalformedMessageError
from server.transport.flow import Flow


class Receiver(Protocol):
    """The other side of the transports; nothing of it may raise or block, since UDP calls it in the hub."""

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        """Take the bytes of one message."""
        ...

    def on_malformed(self, error: MalformedMessageError, flow: Flow) -> None:
        """Take notice of a stream that cannot be followed, before its connection is closed."""
        ...

    def on_failure(self, flow: Flow, reason: str, branch: str) -> None:
        """Take notice of a message that was not delivered, or of a request sent shortly before its connection broke.

        ``branch`` is that of the request that was lost, empty where it is not known or a response.
        """
        ...
