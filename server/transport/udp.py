"""UDP: one watcher on one socket, many datagrams a wake-up.

A greenlet a datagram would cost several times what the datagram itself costs; the watcher's callback runs in the hub,
hands each datagram on, and never blocks. The socket is an unpatched one: it never waits, so gevent's wrapper would only
cost. With ``on_failure`` the kernel's error queue is read, which says what an ICMP error was the answer to (RFC 3261
18.4); without it such errors stay unseen, and the transaction's timer ends it.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gevent
from gevent import monkey

from server.errors import TransportError
from server.transport.branch import HEAD, branch_of
from server.transport.flow import Flow
from server.transport.pktinfo import WILDCARDS, ask_for_local_address, receive_from, send_to
from server.transport.stun import binding_response

log = logging.getLogger(__name__)

BATCH = 64
"""Datagrams taken in one wake-up, so that timers and greenlets get their turn under load."""

RECEIVE_BUFFER = SEND_BUFFER = 4 << 20
MAX_DATAGRAM = 65_535

_READ = 1
_BLANK = b"\r\n\0"
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""Shape: errno, origin, ICMP type, ICMP code, padding, info, data (struct sock_extended_err of linux/errqueue.h)."""
_EXTENDED_ERRORS = frozenset({(socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)})
_LOCAL_ORIGIN = 1
_REMOTE_ERRORS = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO, errno.EACCES})


@dataclass(frozen=True, slots=True)
class UdpStatistics:
    """Counts since the start; ``dropped`` datagrams found the send buffer full."""

    received: int
    sent: int
    keep_alives: int
    receive_errors: int
    send_errors: int
    dropped: int
    icmp_errors: int


class UdpTransport:
    """One UDP socket.

    Shape: ``on_datagram(data, flow)`` is called for each datagram, in the hub; it must not raise. ``on_failure(flow,
    reason, branch)`` is called, in the hub or from within ``send``, when a datagram that was sent is reported
    undeliverable; ``branch`` is that of the request, as far as the report quotes it, else empty.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_datagram: Callable[[bytes, Flow], None],
        on_failure: Callable[[Flow, str, str], None] | None = None,
    ) -> None:
        self._address = (host, port)
        self._wildcard = host in WILDCARDS
        self._on_datagram = on_datagram
        self._on_failure = on_failure
        self._socket: socket.socket | None = None
        self._put: Callable[[bytes, tuple[str, int]], int] | None = None
        self._watcher: gevent._interfaces.ILoop | None = None
        self._received = self._sent = self._keep_alives = self._receive_errors = 0
        self._send_errors = self._dropped = self._icmp_errors = 0
        self.local: tuple[str, int] = (host, port)

    def start(self) -> None:
        """Bind and begin to receive.

        Errors: OSError when the address cannot be bound.
        """
        ipv6 = ":" in self._address[0]
        make_socket: type[socket.socket] = monkey.get_original("socket", "socket")
        bound = make_socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            if self._on_failure is not None:
                level, option = (socket.IPPROTO_IPV6, _IPV6_RECVERR) if ipv6 else (socket.IPPROTO_IP, _IP_RECVERR)
                bound.setsockopt(level, option, 1)
            if ipv6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if self._wildcard:
                ask_for_local_address(bound)
            bound.bind(self._address)
        except BaseException:
            bound.close()
            raise
        self._socket = bound
        self._put = None if self._wildcard else bound.sendto
        self.local = bound.getsockname()[:2]
        self._watcher = gevent.get_hub().loop.io(bound.fileno(), _READ)
        self._watcher.start(self._drain)

    def stop(self, timeout: float) -> None:
        """Close the socket; nothing waits here, so it takes no time."""
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
        return UdpStatistics(
            self._received,
            self._sent,
            self._keep_alives,
            self._receive_errors,
            self._send_errors,
            self._dropped,
            self._icmp_errors,
        )

    def flow_to(self, host: str, port: int, name: str = "") -> Flow:
        """Return the flow from here to an address."""
        del name
        return Flow("UDP", *self.local, host, port)

    def is_open(self, flow: Flow) -> bool:
        """Say whether something can be sent over the flow: always."""
        del flow
        return True

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram.

        A full send buffer drops it, which is counted.

        Errors: TransportError when the kernel refuses it.
        """
        bound = self._socket
        if bound is None:
            raise TransportError(str(flow), "the transport is stopped")
        address = (flow.remote_host, flow.remote_port)
        put = self._put or partial(send_to, bound, flow.local_host)
        try:
            try:
                put(data, address)
            except OSError as error:
                # A waiting ICMP error is reported by whatever is sent next, which has nothing to do with it.
                if error.errno not in _REMOTE_ERRORS or not self._read_error_queue(bound):
                    raise
                put(data, address)
        except BlockingIOError:
            # Lost, as it may be on any hop: whoever sent it sends it again in time, and nothing is wrong with the flow.
            self._dropped += 1
            return
        except (OSError, OverflowError) as error:
            self._send_errors += 1
            raise TransportError(str(flow), str(error)) from error
        self._sent += 1

    def _drain(self) -> None:
        bound = self._socket
        if bound is None:
            return
        receive = partial(receive_from, bound) if self._wildcard else bound.recvfrom
        on_datagram = self._on_datagram
        host, port = "" if self._wildcard else self.local[0], self.local[1]
        for taken in range(BATCH):
            try:
                data, address = receive(MAX_DATAGRAM)
            except BlockingIOError:
                if not taken:
                    self._read_error_queue(bound)
                return
            except OSError as error:
                if not self._read_error_queue(bound):
                    self._receive_errors += 1
                    log.debug("a datagram could not be received: %s", error)
                continue
            self._received += 1
            if data < b" " and self._keep_alive(data, address):
                continue
            try:
                on_datagram(data, Flow("UDP", host or address[2], port, address[0], address[1]))
            except Exception:
                log.exception("a datagram from %s:%d was given up", *address[:2])
            if self._socket is None:
                return

    def _keep_alive(self, data: bytes, address: tuple[Any, ...]) -> bool:
        """Say whether what begins with no text is a keep-alive: blank, which is not answered, or STUN, which is."""
        if data.strip(_BLANK):
            answer = binding_response(data, *address[:2])
            if answer is None:
                return False
            with suppress(TransportError):
                local = address[2] if self._wildcard else self.local[0]
                self.send(answer, Flow("UDP", str(local), self.local[1], *address[:2]))
        self._keep_alives += 1
        return True

    def _read_error_queue(self, bound: socket.socket) -> int:
        """Report what the kernel knows of datagrams that did not arrive; return how many there were."""
        if self._on_failure is None:
            return 0
        found = 0
        while True:
            try:
                quoted, ancillary, _, address = bound.recvmsg(HEAD, 512, _MSG_ERRQUEUE)
            except OSError:
                return found
            found += 1
            for level, kind, content in ancillary:
                if (level, kind) not in _EXTENDED_ERRORS or len(content) < _EXTENDED_ERROR.size or not address:
                    continue
                number, origin, *_ = _EXTENDED_ERROR.unpack_from(content)
                if origin == _LOCAL_ORIGIN:
                    continue
                self._icmp_errors += 1
                try:
                    flow = Flow("UDP", *self.local, address[0], address[1])
                    self._on_failure(flow, os.strerror(number), branch_of(quoted))
                except Exception:
                    log.exception("a failure of %s:%d was given up", *address[:2])
