"""Stream transports: a listener and its connections; each has a reader, and a writer with a bounded queue.

A message goes out on the connection that its flow names, else on one to the same peer, else on a new one, which is
opened behind the sender's back: a sender never waits for a peer. A connection lives longer than the message that it was
opened for, so its greenlets begin in an empty context. What is spoken on a connection is a ``Channel``; how it is
secured, a ``Security``.

The listener accepts by itself instead of through gevent's StreamServer, which logs a traceback for every try while the
process has no file descriptor left.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import fields

import gevent

from server.config import ConnectionsConfig
from server.errors import TransportError
from server.greenlets import Greenlet, spawn
from server.sip.codec import parse_message
from server.sip.errors import MalformedMessageError
from server.transport.answer import reopened
from server.transport.channel import Channel
from server.transport.connection import Connection, Peer
from server.transport.flow import Flow, format_address
from server.transport.pktinfo import WILDCARDS
from server.transport.receiver import Receiver
from server.transport.security import Security, StreamStatistics

log = logging.getLogger(__name__)

READ_BYTES = 65_536
BACKLOG = 1024
ACCEPTS = 64
"""Connections accepted before other greenlets get their turn."""
ACCEPT_PAUSE = 0.25
"""Seconds to wait after a failed accept: the process has no descriptor or memory for another connection."""
LINGER = 1.0
"""Seconds that a peer has to close, too, after we have."""
TRANSACTION = 32.0
"""Seconds for which a request may wait for its answer: 64 T1 (RFC 3261 17.1.1.2)."""


class StreamTransport:
    """A listener and its connections.

    Shape: ``opens`` says whether connections can be opened from here, too.
    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        receiver: Receiver,
        limits: ConnectionsConfig,
        channel: Callable[[], Channel],
        security: Security | None = None,
        *,
        opens: bool = True,
    ) -> None:
        self._name = name
        self._receiver = receiver
        self._limits = limits
        self._channel = channel
        self._security = security
        self._opens = opens
        self._listener = _bound(host, port)
        self.local: tuple[str, int] = self._listener.getsockname()[:2]
        self._now: Callable[[], float] = gevent.get_hub().loop.now
        self._by_name: dict[str, Connection] = {}
        self._by_peer: dict[Peer, Connection] = {}
        self._accepted: Counter[str] = Counter()
        self._greenlets: set[Greenlet] = set()
        self._accepting: Greenlet | None = None
        self._stopped = False
        self._serial = 0
        self._counts: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to accept connections."""
        self._accepting = Context().run(spawn, f"{self._name}-accept", self._accept)

    def stop(self, timeout: float) -> None:
        """Close the listener, send what waits, then close every connection.

        Switches: yes.
        """
        self._stopped = True
        if self._accepting is not None:
            self._accepting.kill()
        self._listener.close()
        for connection in list(self._by_name.values()):
            connection.drain()
        gevent.joinall(list(self._greenlets), timeout=timeout)
        for connection in list(self._by_name.values()):
            self._fail(connection, "the server stops")
        gevent.killall(list(self._greenlets), timeout=1.0)

    def statistics(self) -> StreamStatistics:
        """Return the present counts."""
        counts = {field.name: self._counts[field.name] for field in fields(StreamStatistics)}
        return StreamStatistics(**{**counts, "connections": len(self._by_name)})

    def flow_to(self, host: str, port: int, name: str = "") -> Flow:
        """Return the flow from here to an address; the connection is chosen when something is sent."""
        return Flow(self._name, *self.local, host, port, None, name if self._security is not None else "")

    def is_open(self, flow: Flow) -> bool:
        """Say whether something can be sent over the flow."""
        return self._find(flow) is not None or (flow.connection is None and self._opens)

    def send(self, data: bytes, flow: Flow) -> None:
        """Queue bytes on the connection of a flow, or on a new one; what fails later comes to ``on_failure``.

        A response whose connection is gone goes to where its sender listens (RFC 3261 18.2.2).

        Errors: TransportError when the transport is stopped, has too many connections, or too much waits for this one,
        or when the connection was the peer's and is gone.
        """
        if self._stopped:
            raise TransportError(str(flow), "the transport is stopped")
        connection = self._find(flow) or self._opened(data, flow)
        if connection.queue_bytes + len(data) > self._limits.queue_bytes and connection.queue:
            self._counts["send_errors"] += 1
            raise TransportError(str(flow), f"{connection.queue_bytes} bytes wait for this connection")
        try:
            connection.put(data, flow)
        except ValueError as error:
            self._counts["send_errors"] += 1
            raise TransportError(str(flow), str(error)) from error

    def _find(self, flow: Flow) -> Connection | None:
        if flow.connection is None:
            return self._by_peer.get(Peer(flow.remote_host, flow.remote_port, flow.name))
        connection = self._by_name.get(flow.connection)
        # The name may be from another process or from before a restart; then it says nothing here.
        if connection is None or connection.peer[:2] != (flow.remote_host, flow.remote_port):
            return None
        return connection

    def _opened(self, data: bytes, flow: Flow) -> Connection:
        """Begin a new connection for a message.

        Errors: TransportError.
        """
        if flow.connection is not None and data.startswith(b"SIP/") and self._opens:
            flow = reopened(parse_message(data).via, flow)
            found = self._find(flow)
            if found is not None:
                return found
        if flow.connection is not None or not self._opens:
            self._counts["send_errors"] += 1
            raise TransportError(str(flow), "the connection is closed, and only the peer can open it")
        if len(self._by_name) >= self._limits.limit:
            self._counts["send_errors"] += 1
            raise TransportError(str(flow), f"{len(self._by_name)} connections are open, the limit")
        connection = self._add(Peer(flow.remote_host, flow.remote_port, flow.name), opened=True)
        self._spawn("connect", self._connect, connection)
        return connection

    def _spawn(self, work: str, function: Callable[..., None], *arguments: object) -> Greenlet:
        greenlet = Context().run(spawn, f"{self._name}-{work}", function, *arguments)
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._greenlets.discard)
        return greenlet

    def _add(self, peer: Peer, *, opened: bool) -> Connection:
        self._serial += 1
        connection = Connection(f"{self._name.lower()}-{self._serial}", peer, self._channel(), opened=opened)
        self._by_name[connection.name] = connection
        self._by_peer[peer] = connection
        if not opened:
            self._accepted[peer.host] += 1
        return connection

    def _accept(self) -> None:
        while True:
            for _ in range(ACCEPTS):
                try:
                    accepted, address = self._listener.accept()
                except OSError as error:
                    if error.errno == errno.ECONNABORTED:
                        continue
                    self._refused_by_kernel(error)
                    gevent.sleep(ACCEPT_PAUSE)
                    break
                if self._is_full(address[0]):
                    self._counts["refused"] += 1
                    accepted.close()
                    continue
                self._spawn("read", self._run, self._add(Peer(address[0], address[1], ""), opened=False), accepted)
            gevent.sleep(0)

    def _refused_by_kernel(self, error: OSError) -> None:
        self._counts["accept_errors"] += 1
        times = self._counts["accept_errors"]
        if times & (times - 1) == 0:
            log.warning("%s: a connection cannot be accepted (%d times): %s", self._name, times, error)

    def _is_full(self, host: str) -> bool:
        limits = self._limits
        return len(self._by_name) >= limits.limit or self._accepted[host] >= limits.limit_per_address

    def _connect(self, connection: Connection) -> None:
        try:
            plain = socket.create_connection(connection.peer[:2], self._limits.connect_timeout)
        except OSError as error:
            self._fail(connection, f"cannot connect: {error}")
            return
        self._run(connection, plain)

    def _run(self, connection: Connection, plain: socket.socket) -> None:
        reason = "the peer closed the connection"
        opened = connection.socket = plain
        writer: Greenlet | None = None
        try:
            if connection.closed:
                return
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened = connection.socket = self._secured(connection, plain)
            writer = self._spawn("write", self._write, connection, opened)
            reason = self._read(connection, opened) or reason
            connection.heard = True
            connection.drain()
            writer.join(self._limits.send_timeout)
            if not connection.closed:
                _linger(opened)
        except OSError as error:
            reason = str(error)
        finally:
            self._fail(connection, reason)
            opened.close()
            if writer is not None:
                writer.kill(block=False)

    def _secured(self, connection: Connection, plain: socket.socket) -> socket.socket:
        if self._security is None:
            return plain
        plain.settimeout(self._limits.connect_timeout)
        if connection.opened:
            return self._security.connect(plain, connection.peer.name)
        return self._security.accept(plain)

    def _read(self, connection: Connection, opened: socket.socket) -> str:
        """Read until the peer closes, says nothing for too long, or sends what cannot be followed; return the reason.

        What waits to be sent by then still goes out: the answer to what could not be followed, or to a peer that only
        closed its own direction.
        """
        channel = connection.channel
        name = None if connection.opened else connection.name
        local = opened.getsockname()[0] if self.local[0] in WILDCARDS else self.local[0]
        flow = Flow(self._name, local, self.local[1], *connection.peer[:2], name, connection.peer.name)
        began = self._now() if channel.pending else None
        asked = False
        while not connection.closed and not channel.over:
            opened.settimeout(self._patience(connection, began, asked=asked))
            try:
                data = opened.recv(READ_BYTES)
            except TimeoutError:
                if began is None and connection.opened and not asked:
                    asked = True
                    connection.put_bytes(channel.ping)
                    continue
                self._counts["timed_out"] += 1
                reason = "half a message" if began is not None else "no sign of life" if asked else "idling"
                log.info("%s: closed after %s", flow, reason)
                return f"closed after {reason}"
            if not data:
                break
            asked = False
            found = self._take(connection, data, flow)
            if found is None:
                return "the peer sent what cannot be followed"
            if not channel.pending:
                began = None
            elif began is None or found:
                began = self._now()
            if len(data) == READ_BYTES:
                gevent.sleep(0)
        return ""

    def _patience(self, connection: Connection, began: float | None, *, asked: bool) -> float:
        """Return how long the peer may say nothing now."""
        limits = self._limits
        if began is not None:
            return max(began + limits.message_timeout - self._now(), 0.001)
        if asked:
            return limits.pong_timeout
        return limits.keep_alive if connection.opened else limits.idle_timeout

    def _take(self, connection: Connection, data: bytes, flow: Flow) -> int | None:
        """Take bytes of the peer; return how many messages they completed, None when they cannot be followed."""
        try:
            fed = connection.channel.feed(data)
        except MalformedMessageError as error:
            self._counts["malformed"] += 1
            self._hand_over(self._receiver.on_malformed, error, flow)
            return None
        self._counts["keep_alives"] += fed.keep_alives
        # A peer that does not read what it asks for gets no more of it.
        if fed.answer and connection.queue_bytes < self._limits.queue_bytes:
            connection.put_bytes(fed.answer)
        for message in fed.messages:
            self._counts["received"] += 1
            self._hand_over(self._receiver.on_datagram, message, flow)
        return len(fed.messages)

    def _hand_over(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            function(*arguments)
        except Exception:
            log.exception("%s: a message or failure was given up", self._name)

    def _write(self, connection: Connection, opened: socket.socket) -> None:
        while not connection.closed:
            while connection.queue:
                try:
                    with gevent.Timeout(self._limits.send_timeout, TimeoutError("the peer does not read")):
                        opened.sendall(connection.queue[0].data)
                except OSError as error:
                    self._fail(connection, str(error))
                    return
                connection.sent_first(self._now())
                self._counts["sent"] += 1
            if connection.heard:
                return
            if connection.draining:
                self._fail(connection, "the connection was closed")
                return
            connection.wake.clear()
            connection.wake.wait(self._limits.idle_timeout)

    def _fail(self, connection: Connection, reason: str) -> None:
        """Close a connection, report what was not sent and the requests that it brought no answer to."""
        if connection.closed:
            return
        del self._by_name[connection.name]
        if self._by_peer.get(connection.peer) is connection:
            del self._by_peer[connection.peer]
        if not connection.opened:
            self._accepted[connection.peer.host] -= 1
            if not self._accepted[connection.peer.host]:
                del self._accepted[connection.peer.host]
        unsent, unheard = connection.close(self._now() - TRANSACTION)
        self._counts["send_errors"] += len(unsent)
        if unsent:
            peer = format_address(*connection.peer[:2])
            log.info("%s %s: %d messages were not sent: %s", self._name, peer, len(unsent), reason)
        for lost in (*unsent, *unheard):
            self._hand_over(self._receiver.on_failure, lost.flow, reason, lost.branch)


def _linger(opened: socket.socket) -> None:
    """Close our direction and read on for a moment: a connection closed over unread bytes takes back what was sent."""
    with suppress(OSError), gevent.Timeout(LINGER, False):
        opened.shutdown(socket.SHUT_WR)
        while opened.recv(READ_BYTES):
            gevent.sleep(0)


def _bound(host: str, port: int) -> socket.socket:
    ipv6 = ":" in host
    listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ipv6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
