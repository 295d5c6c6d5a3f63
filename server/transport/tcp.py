"""TCP: a listener and its connections; each has a reader, and a writer with a bounded queue.

A message goes out on the connection that its flow names, else on one to the same address, else on a new one, which the
writer opens: a sender never waits for a peer.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from gevent.event import Event
from gevent.server import StreamServer

from server.errors import TransportError
from server.greenlets import spawn
from server.sip.errors import MalformedMessageError
from server.sip.framing import PING, StreamFramer
from server.transport.flow import Flow

log = logging.getLogger(__name__)

MESSAGE_TIMEOUT = 5.0
"""Seconds from the first byte of a message to its last."""
IDLE_TIMEOUT = 120.0
CONNECT_TIMEOUT = 5.0
SEND_TIMEOUT = 5.0
QUEUE = 1_000
"""Messages that may wait for one connection."""
MAX_CONNECTIONS = 10_000


@dataclass(frozen=True, slots=True)
class TcpStatistics:
    """Counts since the start, and the connections that are open."""

    received: int
    sent: int
    malformed: int
    refused: int
    connections: int


class _Connection:
    """One connection, open or about to be."""

    def __init__(self, name: str, remote: tuple[str, int]) -> None:
        self.name = name
        self.remote = remote
        self.socket: socket.socket | None = None
        self.queue: deque[tuple[bytes, Flow | None]] = deque()
        self.wake = Event()
        self.closed = False


class TcpTransport:
    """A TCP listener and its connections.

    Shape: ``on_datagram(data, flow)`` for each message, ``on_malformed(error, flow)`` before a connection is closed
    because its bytes cannot be followed, ``on_failure(flow, reason)`` for a message that could not be sent.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_datagram: Callable[[bytes, Flow], None],
        on_malformed: Callable[[MalformedMessageError, Flow], None],
        on_failure: Callable[[Flow, str], None],
    ) -> None:
        self._on_datagram = on_datagram
        self._on_malformed = on_malformed
        self._on_failure = on_failure
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
        self._server = StreamServer(listener, self._accepted)
        self.local: tuple[str, int] = self._server.socket.getsockname()[:2]
        self._by_name: dict[str, _Connection] = {}
        self._by_remote: dict[tuple[str, int], _Connection] = {}
        self._serial = 0
        self._received = self._sent = self._malformed = self._refused = 0

    def start(self) -> None:
        """Begin to accept connections."""
        self._server.start()

    def stop(self, timeout: float) -> None:
        """Close the listener and every connection.

        Switches: yes.
        """
        self._server.stop(timeout)
        for connection in list(self._by_name.values()):
            self._close(connection)

    def statistics(self) -> TcpStatistics:
        """Return the present counts."""
        return TcpStatistics(self._received, self._sent, self._malformed, self._refused, len(self._by_name))

    def flow_to(self, host: str, port: int) -> Flow:
        """Return the flow from here to an address; the connection is chosen when something is sent."""
        return Flow("TCP", *self.local, host, port)

    def send(self, data: bytes, flow: Flow) -> None:
        """Queue bytes on the connection of a flow, or on a new one.

        Errors: TransportError when too much waits for that connection.
        """
        connection = self._by_name.get(flow.connection or "") or self._by_remote.get(
            (flow.remote_host, flow.remote_port)
        )
        if connection is None or connection.closed:
            if len(self._by_name) >= MAX_CONNECTIONS:
                raise TransportError(str(flow), "too many connections")
            connection = self._add((flow.remote_host, flow.remote_port))
            spawn("tcp-connect", self._connect, connection)
        if len(connection.queue) >= QUEUE:
            raise TransportError(str(flow), f"{QUEUE} messages wait for this connection")
        connection.queue.append((data, flow))
        connection.wake.set()

    def _add(self, remote: tuple[str, int]) -> _Connection:
        self._serial += 1
        connection = _Connection(f"tcp-{self._serial}", remote)
        self._by_name[connection.name] = connection
        self._by_remote[remote] = connection
        return connection

    def _accepted(self, accepted: socket.socket, address: tuple[str, int]) -> None:
        if len(self._by_name) >= MAX_CONNECTIONS:
            self._refused += 1
            accepted.close()
            return
        connection = self._add((address[0], address[1]))
        self._run(connection, accepted)

    def _connect(self, connection: _Connection) -> None:
        try:
            opened = socket.create_connection(connection.remote, CONNECT_TIMEOUT)
        except OSError as error:
            self._fail(connection, f"cannot connect: {error}")
            return
        self._run(connection, opened)

    def _run(self, connection: _Connection, opened: socket.socket) -> None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket = opened
        writer = spawn("tcp-write", self._write, connection, opened)
        try:
            self._read(connection, opened)
        finally:
            self._fail(connection, "the connection was closed")
            writer.kill(block=False)

    def _read(self, connection: _Connection, opened: socket.socket) -> None:
        framer = StreamFramer()
        flow = Flow("TCP", *self.local, *connection.remote, connection.name)
        began: float | None = None
        hub = gevent.get_hub()
        while not connection.closed:
            wait = IDLE_TIMEOUT if began is None else began + MESSAGE_TIMEOUT - hub.loop.now()
            if wait <= 0:
                log.info("%s: a message did not end in %g s", flow, MESSAGE_TIMEOUT)
                return
            opened.settimeout(wait)
            try:
                data = opened.recv(65_536)
            except OSError:
                return
            if not data:
                return
            try:
                found = framer.feed(data)
            except MalformedMessageError as error:
                self._malformed += 1
                self._on_malformed(error, flow)
                return
            for message in found:
                if message is PING:
                    connection.queue.append((b"\r\n", None))
                    connection.wake.set()
                else:
                    self._received += 1
                    self._on_datagram(message, flow)
            began = (hub.loop.now() if began is None or found else began) if framer.pending else None

    def _write(self, connection: _Connection, opened: socket.socket) -> None:
        while not connection.closed:
            while connection.queue:
                data, _ = connection.queue[0]
                try:
                    with gevent.Timeout(SEND_TIMEOUT, OSError("the peer does not read")):
                        opened.sendall(data)
                except OSError as error:
                    self._fail(connection, str(error))
                    return
                if connection.queue:
                    connection.queue.popleft()
                self._sent += 1
            connection.wake.clear()
            connection.wake.wait(IDLE_TIMEOUT)

    def _fail(self, connection: _Connection, reason: str) -> None:
        """Close a connection and report what was not sent."""
        lost = [flow for _, flow in connection.queue if flow is not None]
        self._close(connection)
        for flow in lost:
            self._on_failure(flow, reason)

    def _close(self, connection: _Connection) -> None:
        connection.closed = True
        connection.queue.clear()
        connection.wake.set()
        self._by_name.pop(connection.name, None)
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        if connection.socket is not None:
            connection.socket.close()
