"""WebSocket: SIP in frames, one message in each, as browsers speak it (RFC 7118, RFC 6455).

Only the peer opens a connection; it says the sub-protocol ``sip``, and from a page that is not allowed here it is
refused. A message goes out as text if it is UTF-8, else as bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from server.config import ConnectionsConfig
from server.sip.codec import MAX_MESSAGE
from server.transport.channel import PONG, Fed
from server.transport.receiver import Receiver
from server.transport.security import Security
from server.transport.stream import StreamTransport

SUBPROTOCOL = "sip"
MAX_HANDSHAKE = 16_384


class WebSocketChannel:
    """The server's end of one WebSocket connection.

    Shape: ``origins`` are the pages that may connect, empty for any; a peer without an Origin is no browser.
    """

    ping = bytes((0x89, 0))
    """An empty ping frame."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins
        self._connection = WSConnection(ConnectionType.SERVER)
        self._open = False
        self._handshake = 0
        self._parts: list[bytes] = []
        self._size = 0
        self.over = False

    @property
    def pending(self) -> bool:
        """Whether the handshake or a message has begun and is not complete."""
        return not self._open or bool(self._parts)

    def feed(self, data: bytes) -> Fed:
        """Take bytes from the peer; what breaks the protocol is answered and ends the connection."""
        messages: list[bytes] = []
        answers: list[bytes] = []
        keep_alives = 0
        if not self._open:
            self._handshake += len(data)
        try:
            self._connection.receive_data(data)
            for event in self._connection.events():
                if isinstance(event, Ping):
                    keep_alives += 1
                    answers.append(self._connection.send(event.response()))
                elif isinstance(event, (TextMessage, BytesMessage)):
                    keep_alives += self._take(event, messages, answers)
                else:
                    answers.append(self._control(event))
                if self.over:
                    break
        except RemoteProtocolError as error:
            answers.append(self._refused(error))
        except (LocalProtocolError, ValueError):
            self.over = True  # said after the end, or a handshake with names that are none
        if not self._open and self._handshake > MAX_HANDSHAKE:
            self.over = True
        return Fed(messages, b"".join(answers), keep_alives)

    def frame(self, message: bytes) -> bytes:
        """Return the frame of a message."""
        event: Event
        try:
            event = TextMessage(message.decode())
        except UnicodeDecodeError:
            event = BytesMessage(message)
        try:
            return self._connection.send(event)
        except LocalProtocolError as error:
            raise ValueError(f"the WebSocket is not open: {error}") from error

    def _control(self, event: Event) -> bytes:
        """Answer what is not a message."""
        if isinstance(event, Request):
            return self._begin(event)
        if isinstance(event, CloseConnection):
            self.over = True
            return self._connection.send(event.response())
        return b""

    def _begin(self, request: Request) -> bytes:
        origin = next((value.decode("latin-1") for name, value in request.extra_headers if name == b"origin"), None)
        status = 0
        if SUBPROTOCOL not in request.subprotocols:
            status = 400
        elif self._origins and origin is not None and origin not in self._origins:
            status = 403
        if status:
            self.over = True
            return self._connection.send(RejectConnection(status_code=status))
        self._open = True
        return self._connection.send(AcceptConnection(subprotocol=SUBPROTOCOL))

    def _take(self, event: TextMessage | BytesMessage, messages: list[bytes], answers: list[bytes]) -> int:
        """Take a message or a part of one; return how many keep-alives it was."""
        part = event.data
        data = part.encode() if isinstance(part, str) else bytes(part)
        if data:
            self._parts.append(data)
            self._size += len(data)
        if self._size > MAX_MESSAGE:
            self.over = True
            answers.append(self._connection.send(CloseConnection(CloseReason.MESSAGE_TOO_BIG)))
            return 0
        if not event.message_finished:
            return 0
        message = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if message.strip(b"\r\n"):
            messages.append(message)
            return 0
        answers.append(self.frame(PONG))
        return 1

    def _refused(self, error: RemoteProtocolError) -> bytes:
        """Return the answer to what broke the protocol."""
        self.over = True
        hint = error.event_hint or CloseConnection(CloseReason.PROTOCOL_ERROR)
        try:
            return self._connection.send(hint)
        except LocalProtocolError:
            return b""


class WebSocketTransport(StreamTransport):
    """A WebSocket listener and its connections; with ``security`` a secure one.

    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receiver: Receiver,
        limits: ConnectionsConfig,
        origins: Collection[str],
        security: Security | None = None,
    ) -> None:
        channel = partial(WebSocketChannel, origins)
        name = "WS" if security is None else "WSS"
        super().__init__(name, host, port, receiver, limits, channel, security, opens=False)
