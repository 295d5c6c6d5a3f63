"""The HTTP listener: gevent.pywsgi, stricter, and without its 40 ms.

pywsgi writes head and body in two sends; without TCP_NODELAY the second waits for the peer's delayed ACK. It accepts
requests whose length two parsers read differently; here they are refused. It has no time limits; here every read has.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer

log = logging.getLogger(__name__)

REQUEST_TIMEOUT = 10.0
"""Seconds from the first byte of a request to the last byte of its response."""
IDLE_TIMEOUT = 30.0
"""Seconds that a kept-alive connection may say nothing."""
MAX_CONNECTIONS = 2_000


class _Handler(WSGIHandler):  # type: ignore[misc]
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, *arguments, **named)

    def read_requestline(self) -> Any:
        """Wait for the next request, for a while."""
        self._limit = gevent.Timeout.start_new(IDLE_TIMEOUT, TimeoutError("idle"))
        try:
            line = super().read_requestline()
        finally:
            self._limit.close()
        if line:
            self._limit = gevent.Timeout.start_new(REQUEST_TIMEOUT, TimeoutError("slow"))
        return line

    def handle_one_request(self) -> Any:
        """Serve one request within its time."""
        try:
            return super().handle_one_request()
        except TimeoutError:
            return None
        finally:
            limit = getattr(self, "_limit", None)
            if limit is not None:
                limit.close()

    def read_request(self, raw_requestline: Any) -> bool:
        """Read the head; refuse one that two parsers would read differently (RFC 9112 6.3, 5.1)."""
        if not super().read_request(raw_requestline):
            return False
        lengths = self.headers.get_all("Content-Length") or []
        names = [name for name in self.headers if name != name.strip() or " " in name or "\t" in name]
        conflict = len(set(lengths)) > 1 or (lengths and self.headers.get("Transfer-Encoding") is not None)
        if conflict or names or any(not v.isascii() or not v.isdigit() for v in lengths):
            self.close_connection = True
            self.log_error("refused: conflicting lengths or a malformed header name")
            return False
        return True

    def log_error(self, msg: Any, *arguments: Any) -> None:
        """Keep what pywsgi says about bad clients to the debug log."""
        log.debug(str(msg), *arguments)

    def log_request(self) -> None:
        """Say nothing: requests are for monitors."""


class HttpListener:
    """Serves a WSGI application.

    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(self, host: str, port: int, application: Callable[..., Iterable[bytes]]) -> None:
        self._server = WSGIServer(
            (host, port), application, log=None, error_log=None, handler_class=_Handler, spawn=MAX_CONNECTIONS
        )
        self._server.init_socket()
        self.local: tuple[str, int] = self._server.socket.getsockname()[:2]

    def start(self) -> None:
        """Begin to accept connections."""
        self._server.start()

    def stop(self, timeout: float) -> None:
        """Accept nothing more; end what has not ended after ``timeout`` seconds.

        Switches: yes.
        """
        self._server.stop(timeout)
