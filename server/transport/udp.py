"""UDP: one watcher on one socket, many datagrams a wake-up.

A greenlet a datagram would cost several times what the datagram itself costs; the watcher's callback runs in the hub,
hands each datagram on, and never blocks.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

import gevent

from server.errors import TransportError
from server.transport.flow import Flow

log = logging.getLogger(__name__)

BATCH = 64
"""Datagrams taken in one wake-up, so that timers and greenlets get their turn under load."""

RECEIVE_BUFFER = 4 << 20
MAX_DATAGRAM = 65_535
READ = 1


@dataclass(frozen=True, slots=True)
class UdpStatistics:
    """Counts since the start."""

    received: int
    sent: int
    keep_alives: int
    receive_errors: int
    send_errors: int


class UdpTransport:
    """One UDP socket.

    Shape: ``on_datagram(data, flow)`` is called for each datagram, in the hub; it must not raise. UDP
    reports what fails by raising from ``send``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_datagram: Callable[[bytes, Flow], None],
    ) -> None:
        self._address = (host, port)
        self._on_datagram = on_datagram
        self._socket: socket.socket | None = None
        self._watcher: gevent._interfaces.ILoop | None = None
        self._received = self._sent = self._keep_alives = self._receive_errors = self._send_errors = 0
        self.local: tuple[str, int] = (host, port)

    def start(self) -> None:
        """Bind and begin to receive.

        Errors: OSError when the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            bound.bind(self._address)
        except BaseException:
            bound.close()
            raise
        bound.setblocking(False)
        self._socket = bound
        self.local = bound.getsockname()[:2]
        self._watcher = gevent.get_hub().loop.io(bound.fileno(), READ)
        self._watcher.start(self._drain)

    def stop(self, timeout: float) -> None:
        """Close the socket."""
        del timeout
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def statistics(self) -> UdpStatistics:
        """Return the present counts."""
        return UdpStatistics(self._received, self._sent, self._keep_alives, self._receive_errors, self._send_errors)

    def flow_to(self, host: str, port: int) -> Flow:
        """Return the flow from here to an address."""
        return Flow("UDP", *self.local, host, port)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram.

        Errors: TransportError when the kernel refuses it.
        """
        if self._socket is None:
            raise TransportError(str(flow), "the transport is stopped")
        try:
            self._socket.sendto(data, socket.MSG_DONTWAIT, (flow.remote_host, flow.remote_port))
        except BlockingIOError as error:
            self._send_errors += 1
            raise TransportError(str(flow), "the send buffer is full, the datagram was dropped") from error
        except (OSError, OverflowError) as error:
            self._send_errors += 1
            raise TransportError(str(flow), str(error)) from error
        self._sent += 1

    def _drain(self) -> None:
        bound = self._socket
        for _ in range(BATCH):
            if bound is None or self._socket is None:
                return
            try:
                data, address = bound.recvfrom(MAX_DATAGRAM, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                self._receive_errors += 1
                log.debug("a datagram could not be received: %s", error)
                continue
            self._received += 1
            if not data.strip(b"\r\n\0"):
                self._keep_alives += 1
                continue
            try:
                self._on_datagram(data, Flow("UDP", *self.local, address[0], address[1]))
            except Exception:
                log.exception("a datagram from %s:%d was given up", *address[:2])
