"""What a stream transport counts, and how its connections are secured."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """Counts since the start, and the connections that are open."""

    received: int
    sent: int
    keep_alives: int
    malformed: int
    timed_out: int
    refused: int
    accept_errors: int
    send_errors: int
    connections: int


class Security(Protocol):
    """How a connection is secured before the first byte of it is read."""

    def accept(self, plain: socket.socket) -> socket.socket:
        """Return the secured socket of a connection that was accepted.

        Errors: OSError.
        Switches: yes, for as long as the socket's time limit lets it.
        """
        ...

    def connect(self, plain: socket.socket, name: str) -> socket.socket:
        """Return the secured socket of a connection that was opened to whoever bears the name.

        Errors: OSError, also when the peer does not bear it.
        Switches: yes.
        """
        ...
