"""TCP: a listener and its connections; each has a reader, and a writer with a bounded queue.

A message goes out on the connection that its flow names, else on one to the same address, else on a new one, which is
opened behind the sender's back: a sender never waits for a peer. A connection lives longer than the message that it was
opened for, so its greenlets begin in an empty context.

The listener accepts by itself instead of through gevent's StreamServer, which logs a traceback for every try while the
process has no file descriptor left.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass

import gevent
from gevent.event import Event

from server.errors import TransportError
from server.greenlets import Greenlet, spawn
from server.sip.errors import MalformedMessageError
from server.sip.framing import PING, StreamFramer
from server.transport.flow import Flow, format_address

log = logging.getLogger(__name__)

READ_BYTES = 65_536
BACKLOG = 1024
ACCEPTS = 64
"""Connections accepted before other greenlets get their turn."""
ACCEPT_PAUSE = 0.25
"""Seconds to wait after a failed accept: the process has no descriptor or memory for another connection."""
ENTRY_BYTES = 64
"""What an entry of a queue counts on top of its message, so that empty ones are bounded too."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What one peer may take.

    Units: seconds; ``message_timeout`` from the first byte of a message to its last, ``idle_timeout`` without any
    byte, ``send_timeout`` until the kernel has taken one message; ``queue_bytes`` bytes that wait for one connection.
    """

    message_timeout: float = 5.0
    idle_timeout: float = 120.0
    connect_timeout: float = 5.0
    send_timeout: float = 5.0
    queue_bytes: int = 1 << 20
    connections: int = 10_000


@dataclass(frozen=True, slots=True)
class TcpStatistics:
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


class _Connection:
    """One connection, open or about to be."""

    __slots__ = ("closed", "draining", "name", "queue", "queue_bytes", "remote", "socket", "wake")

    def __init__(self, name: str, remote: tuple[str, int]) -> None:
        self.name = name
        self.remote = remote
        self.socket: socket.socket | None = None
        self.queue: deque[tuple[bytes, Flow | None]] = deque()
        self.queue_bytes = 0
        self.wake = Event()
        self.draining = False
        self.closed = False

    def put(self, data: bytes, flow: Flow | None) -> None:
        """Queue bytes; ``flow`` is whom to tell if they are lost, None for nobody."""
        self.queue.append((data, flow))
        self.queue_bytes += len(data) + ENTRY_BYTES
        self.wake.set()

    def drop_first(self) -> None:
        """Take what was sent out of the queue."""
        if self.queue:
            data, _ = self.queue.popleft()
            self.queue_bytes -= len(data) + ENTRY_BYTES


class TcpTransport:
    """A TCP listener and its connections.

    Shape: ``on_datagram(data, flow)`` for each message, ``on_malformed(error, flow)`` before a connection is closed
    because its bytes cannot be followed, ``on_failure(flow, reason)`` for a message that could not be sent. None of
    them may raise.
    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_datagram: Callable[[bytes, Flow], None],
        on_malformed: Callable[[MalformedMessageError, Flow], None],
        on_failure: Callable[[Flow, str], None],
        limits: TcpLimits | None = None,
    ) -> None:
        self._on_datagram = on_datagram
        self._on_malformed = on_malformed
        self._on_failure = on_failure
        self._limits = limits or TcpLimits()
        self._listener = _bound(host, port)
        self.local: tuple[str, int] = self._listener.getsockname()[:2]
        self._by_name: dict[str, _Connection] = {}
        self._by_remote: dict[tuple[str, int], _Connection] = {}
        self._greenlets: set[Greenlet] = set()
        self._accepting: Greenlet | None = None
        self._stopped = False
        self._serial = 0
        self._received = self._sent = self._keep_alives = self._malformed = self._timed_out = 0
        self._refused = self._accept_errors = self._send_errors = 0

    def start(self) -> None:
        """Begin to accept connections."""
        self._accepting = Context().run(spawn, "tcp-accept", self._accept)

    def stop(self, timeout: float) -> None:
        """Close the listener, send what waits, then close every connection.

        Switches: yes.
        """
        self._stopped = True
        if self._accepting is not None:
            self._accepting.kill()
        self._listener.close()
        for connection in list(self._by_name.values()):
            connection.draining = True
            connection.wake.set()
        gevent.joinall(list(self._greenlets), timeout=timeout)
        for connection in list(self._by_name.values()):
            self._fail(connection, "the server stops")
        gevent.killall(list(self._greenlets), timeout=1.0)

    def statistics(self) -> TcpStatistics:
        """Return the present counts."""
        return TcpStatistics(
            received=self._received,
            sent=self._sent,
            keep_alives=self._keep_alives,
            malformed=self._malformed,
            timed_out=self._timed_out,
            refused=self._refused,
            accept_errors=self._accept_errors,
            send_errors=self._send_errors,
            connections=len(self._by_name),
        )

    def flow_to(self, host: str, port: int) -> Flow:
        """Return the flow from here to an address; the connection is chosen when something is sent."""
        return Flow("TCP", *self.local, host, port)

    def send(self, data: bytes, flow: Flow) -> None:
        """Queue bytes on the connection of a flow, or on a new one; what fails later comes to ``on_failure``.

        Errors: TransportError when the transport is stopped, has too many connections, or too much waits for this one.
        """
        if self._stopped:
            raise TransportError(str(flow), "the transport is stopped")
        remote = (flow.remote_host, flow.remote_port)
        connection = self._by_name.get(flow.connection) if flow.connection is not None else None
        if connection is None or connection.remote != remote:
            # The name may be from another process or from before a restart; then it says nothing here.
            connection = self._by_remote.get(remote)
        if connection is None:
            if len(self._by_name) >= self._limits.connections:
                self._send_errors += 1
                raise TransportError(str(flow), f"{len(self._by_name)} connections are open, the limit")
            connection = self._add(remote)
            self._spawn("tcp-connect", self._connect, connection)
        if connection.queue_bytes + len(data) > self._limits.queue_bytes and connection.queue:
            self._send_errors += 1
            raise TransportError(str(flow), f"{connection.queue_bytes} bytes wait for this connection")
        connection.put(data, flow)

    def _spawn(self, name: str, function: Callable[..., None], *arguments: object) -> Greenlet:
        greenlet = Context().run(spawn, name, function, *arguments)
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._greenlets.discard)
        return greenlet

    def _add(self, remote: tuple[str, int]) -> _Connection:
        self._serial += 1
        connection = _Connection(f"tcp-{self._serial}", remote)
        self._by_name[connection.name] = connection
        self._by_remote[remote] = connection
        return connection

    def _accept(self) -> None:
        while True:
            for _ in range(ACCEPTS):
                try:
                    accepted, address = self._listener.accept()
                except OSError as error:
                    if error.errno == errno.ECONNABORTED:
                        continue
                    self._accept_errors += 1
                    if self._accept_errors & (self._accept_errors - 1) == 0:
                        log.warning("tcp: a connection cannot be accepted (%d times): %s", self._accept_errors, error)
                    gevent.sleep(ACCEPT_PAUSE)
                    break
                if len(self._by_name) >= self._limits.connections:
                    self._refused += 1
                    accepted.close()
                    continue
                self._spawn("tcp-read", self._run, self._add(address[:2]), accepted)
            gevent.sleep(0)

    def _connect(self, connection: _Connection) -> None:
        try:
            opened = socket.create_connection(connection.remote, self._limits.connect_timeout)
        except OSError as error:
            self._fail(connection, f"cannot connect: {error}")
            return
        self._run(connection, opened)

    def _run(self, connection: _Connection, opened: socket.socket) -> None:
        reason = "the peer closed the connection"
        writer: Greenlet | None = None
        try:
            connection.socket = opened
            if connection.closed:
                return
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            writer = self._spawn("tcp-write", self._write, connection, opened)
            self._read(connection, opened)
            connection.draining = True
            connection.wake.set()
            writer.join(self._limits.send_timeout)
        except OSError as error:
            reason = str(error)
        finally:
            self._fail(connection, reason)
            opened.close()
            if writer is not None:
                writer.kill(block=False)

    def _read(self, connection: _Connection, opened: socket.socket) -> None:
        """Read until the peer closes, says nothing for too long, or sends what cannot be followed.

        What waits to be sent by then still goes out: the answer to what could not be followed, or to a peer that only
        closed its own direction.
        """
        framer = StreamFramer()
        flow = Flow("TCP", *self.local, *connection.remote, connection.name)
        now = gevent.get_hub().loop.now
        began: float | None = None
        while not connection.closed:
            wait = self._limits.idle_timeout if began is None else began + self._limits.message_timeout - now()
            opened.settimeout(max(wait, 0.001))
            try:
                data = opened.recv(READ_BYTES)
            except TimeoutError:
                self._timed_out += 1
                log.info("%s: closed after %s", flow, "idling" if began is None else "half a message")
                return
            if not data:
                return
            try:
                found = framer.feed(data)
            except MalformedMessageError as error:
                self._malformed += 1
                self._hand_over(self._on_malformed, error, flow)
                return
            for message in found:
                if message is PING:
                    self._pong(connection)
                else:
                    self._received += 1
                    self._hand_over(self._on_datagram, message, flow)
            if not framer.pending:
                began = None
            elif began is None or found:
                began = now()
            if len(data) == READ_BYTES:
                gevent.sleep(0)

    def _pong(self, connection: _Connection) -> None:
        """Answer a keep-alive (RFC 5626 3.5.1), unless the peer does not read what it asks for."""
        self._keep_alives += 1
        if connection.queue_bytes < self._limits.queue_bytes:
            connection.put(b"\r\n", None)

    def _hand_over(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception:
            log.exception("tcp: a message or failure was given up")

    def _write(self, connection: _Connection, opened: socket.socket) -> None:
        while not connection.closed:
            while connection.queue:
                data, _ = connection.queue[0]
                try:
                    with gevent.Timeout(self._limits.send_timeout, TimeoutError("the peer does not read")):
                        opened.sendall(data)
                except OSError as error:
                    self._fail(connection, str(error))
                    return
                connection.drop_first()
                self._sent += 1
            if connection.draining:
                self._fail(connection, "the connection was closed")
                return
            connection.wake.clear()
            connection.wake.wait(self._limits.idle_timeout)

    def _fail(self, connection: _Connection, reason: str) -> None:
        """Close a connection and report what was not sent."""
        if connection.closed:
            return
        connection.closed = True
        self._by_name.pop(connection.name, None)
        if self._by_remote.get(connection.remote) is connection:
            del self._by_remote[connection.remote]
        lost = [flow for _, flow in connection.queue if flow is not None]
        connection.queue.clear()
        connection.wake.set()
        if connection.socket is not None:
            connection.socket.close()
        self._send_errors += len(lost)
        if lost:
            log.info("tcp %s: %d messages were not sent: %s", format_address(*connection.remote), len(lost), reason)
        for flow in lost:
            self._hand_over(self._on_failure, flow, reason)


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
