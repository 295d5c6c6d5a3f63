"""What is spoken on a connection: bytes to messages and back, with the keep-alives in between. No socket here."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from server.sip.framing import PING, StreamFramer

PONG = b"\r\n"


class Fed(NamedTuple):
    """What came of some bytes.

    Shape: ``messages`` are complete, ``answer`` is to be sent at once, ``keep_alives`` of the bytes asked for a sign of
    life.
    """

    messages: list[bytes]
    answer: bytes = b""
    keep_alives: int = 0


class Channel(Protocol):
    """One connection's protocol."""

    ping: bytes
    """What asks the peer for a sign of life."""

    @property
    def pending(self) -> bool:
        """Whether something has begun and is not complete."""
        ...

    @property
    def over(self) -> bool:
        """Whether the connection is to be closed once what waits is sent."""
        ...

    def feed(self, data: bytes) -> Fed:
        """Take bytes from the peer.

        Errors: MalformedMessageError when they cannot be followed any more.
        """
        ...

    def frame(self, message: bytes) -> bytes:
        """Return the bytes that carry a message.

        Errors: ValueError when the channel cannot carry one now.
        """
        ...


class SipChannel:
    """SIP on a plain stream: messages by Content-Length, keep-alives as in RFC 5626 3.5.1."""

    ping = PING
    over = False

    def __init__(self) -> None:
        self._framer = StreamFramer()

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._framer.pending

    def feed(self, data: bytes) -> Fed:
        """Take bytes from the peer."""
        found = self._framer.feed(data)
        if PING not in found:
            return Fed(found)
        messages = [message for message in found if message is not PING]
        pings = len(found) - len(messages)
        return Fed(messages, PONG * pings, pings)

    def frame(self, message: bytes) -> bytes:
        """Return the message as it is."""
        return message
