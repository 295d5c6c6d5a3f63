"""The HTTP listener: gevent.pywsgi, stricter, with time limits, and without its 40 ms.

pywsgi writes head and body in two sends; without TCP_NODELAY the second waits for the peer's delayed ACK. It takes
requests whose end two parsers see at different places; here the head is read by one strict grammar, and whatever does
not fit is refused with 400 and the connection closed. It waits for slow clients for ever; here each step has its time:

    first byte            header_timeout on a new connection, idle_timeout between two requests
    head                  header_timeout from its first byte, then 408
    body                  body_timeout, then 408; more than body_bytes: 413
    each write            send_timeout

A body is read whole before the application is called, so a servlet never waits for a client. Connections run in
gevent's own pool and not through ``server.greenlets``: the pool is what bounds their number, and a connection is
nobody's child whose context it could take along.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer
from greenlet import getcurrent

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
HEAD_BYTES: Final = 32_768
HEADERS: Final = 100
ACCEPT_PAUSE: Final = 0.25
"""Seconds to wait after a failed accept: the process has no descriptor or memory for another connection."""

_REQUEST_LINE = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP/1\.[01]\r\n")
_HEADER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one client may take.

    Units: seconds; ``body_bytes`` bytes.
    """

    header_timeout: float = 5.0
    idle_timeout: float = 30.0
    body_timeout: float = 10.0
    send_timeout: float = 10.0
    body_bytes: int = 1 << 20
    connections: int = 5_000


@dataclass(frozen=True, slots=True)
class HttpStatistics:
    """Counts since the start, and the connections that are open and that wait for a request.

    ``refused`` requests got a 4xx from the listener itself, those that ran out of time included.
    """

    connections: int
    idle: int
    requests: int
    refused: int
    timed_out: int
    accept_errors: int


class _RefusedError(ValueError):
    """A request that is not served."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _SlowClientError(Exception):
    """A client did not send in time."""


class Head:
    """The header lines of a request, in the shape that pywsgi reads; names are found in any case."""

    __slots__ = ("lines", "values")
    status = ""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.values: dict[str, list[str]] = {}

    @property
    def headers(self) -> list[str]:
        """The lines one by one, as pywsgi wants them."""
        return [f"{name}: {value}" for name, value in self.lines]

    @property
    def typeheader(self) -> str | None:
        """The value of Content-Type."""
        return self.get("content-type")

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of a header."""
        found = self.values.get(name.lower())
        return found[0] if found else default

    getheader = get

    def get_all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return self.values.get(name.lower(), [])

    def add(self, name: str, value: str) -> None:
        """Append a line."""
        self.lines.append((name, value))
        self.values.setdefault(name.lower(), []).append(value)

    def __delitem__(self, name: str) -> None:
        del self.values[name.lower()]
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]


def read_head(readline: Callable[[int], bytes]) -> Head:
    """Read the header lines of a request by one strict grammar, to the empty line.

    Errors: ValueError for what another parser might read differently (the client's fault): white space before the
    colon, folded lines, bare CR or LF, NUL, more than one Content-Length or one that is no number, Transfer-Encoding
    beside it or other than ``chunked``, more than one Host, a head without an end.
    Source: RFC 9112 3.2, 5.1, 5.2, 6.1, 6.3.
    """
    head = Head()
    left = HEAD_BYTES
    while (line := readline(left + 1)) != b"\r\n":
        left -= len(line)
        if left < 0 or len(head.lines) >= HEADERS:
            raise _RefusedError(431, f"more than {HEADERS} headers or {HEAD_BYTES} bytes")
        found = _HEADER_LINE.fullmatch(line)
        if found is None:
            raise _RefusedError(400, f"malformed header line {line[:60]!r}")
        head.add(found[1].decode("ascii"), found[2].decode("latin-1").strip(" \t"))
    lengths = head.get_all("content-length")
    codings = head.get_all("transfer-encoding")
    if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        raise _RefusedError(400, "more than one Content-Length, or one that is no number")
    if codings and (lengths or len(codings) > 1 or codings[0].lower() != "chunked"):
        raise _RefusedError(400, "Transfer-Encoding beside Content-Length, or other than chunked")
    if len(head.get_all("host")) > 1:
        raise _RefusedError(400, "more than one Host")
    return head


class _Handler(WSGIHandler):  # type: ignore[misc]
    """One connection: request after request, each step within its time."""

    ignored_socket_errors = (*WSGIHandler.ignored_socket_errors, "timed out")

    def __init__(self, sock: socket.socket, address: Any, server: _Server) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, address, server)
        self._first = True
        self._limit: Any = None

    def handle_one_request(self) -> Any:
        """Serve one request; None closes the connection."""
        server = self.server
        if server.closing or not self._wait_for_request():
            return None
        self._limit = gevent.Timeout.start_new(server.limits.header_timeout, _SlowClientError("head"))
        try:
            result = super().handle_one_request()
        except _SlowClientError as error:
            result = self._handle_client_error(error)
        finally:
            self._limit.close()
        return None if server.closing and result is True else result

    def read_request(self, raw_requestline: str) -> bool:
        """Read the head; refuse one that two parsers would read differently."""
        if not _REQUEST_LINE.fullmatch(raw_requestline):
            raise _RefusedError(400, "malformed request line")
        super().read_request(raw_requestline)
        if self.request_version == "HTTP/1.1":
            if self.headers.get("host") is None:
                raise _RefusedError(400, "no Host")
        elif self.headers.get("transfer-encoding") is not None:
            raise _RefusedError(400, "Transfer-Encoding in HTTP/1.0")
        self._limit.close()
        return True

    def MessageClass(self, rfile: Any, *_: object) -> Head:  # noqa: N802 - the name that pywsgi calls
        """Read the header lines, in place of the tolerant parser of the standard library."""
        return read_head(rfile.readline)

    def handle_one_response(self) -> None:
        """Read the body, then have the application answer."""
        self.server.requests += 1
        try:
            body = self._read_body()
        except (_SlowClientError, ValueError, OSError) as error:
            self.close_connection = True
            self.socket.sendall(self._handle_client_error(error)[1])
            return
        self.environ["wsgi.input"] = body
        super().handle_one_response()

    def log_request(self) -> None:
        """Say nothing: requests are for monitors."""

    def log_error(self, msg: Any, *arguments: Any) -> None:
        """Keep what pywsgi says about bad clients to the debug log."""
        log.debug(str(msg), *arguments)

    def _wait_for_request(self) -> bool:
        """Wait for the first byte of a request."""
        server, limits = self.server, self.server.limits
        server.idle.add(getcurrent())
        try:
            self.socket.settimeout(limits.header_timeout if self._first else limits.idle_timeout)
            self._first = False
            arrived = bool(self.rfile.peek(1))
            self.socket.settimeout(limits.send_timeout)
        except (OSError, ValueError):
            return False
        finally:
            server.idle.discard(getcurrent())
        return arrived

    def _read_body(self) -> BytesIO:
        """Read the whole body.

        Errors: ValueError for one that is too long, _SlowClientError, OSError for one that ends early.
        """
        limits = self.server.limits
        if self.content_length and self.content_length > limits.body_bytes:
            raise _RefusedError(413, f"a body of {self.content_length} bytes; the limit is {limits.body_bytes}")
        if not self.content_length and not self.wsgi_input.chunked_input:
            return BytesIO()
        with gevent.Timeout(limits.body_timeout, _SlowClientError("body")):
            body = self.wsgi_input.read(limits.body_bytes + 1)
        if len(body) > limits.body_bytes:
            raise _RefusedError(413, f"a body of more than {limits.body_bytes} bytes")
        return BytesIO(body)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """Return the status and the whole answer for a request that is not served."""
        status = ex.status if isinstance(ex, _RefusedError) else 408 if isinstance(ex, _SlowClientError) else 400
        self.server.refused += 1
        self.server.timed_out += status == 408
        log.debug("http: a request from %s was refused with %d: %s", self.client_address, status, ex)
        text = f"HTTP/1.1 {status} {_REASONS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        return str(status), text.encode("ascii")

    def _log_error(self, t: Any, v: Any, tb: Any) -> None:
        """Log what an application raised."""
        log.error("http: the application failed on %s", self.requestline, exc_info=(t, v, tb))


class _Server(WSGIServer):  # type: ignore[misc]
    """pywsgi's server with counters, and a calm way through a lack of file descriptors."""

    def __init__(
        self, listener: socket.socket, application: Callable[..., Iterable[bytes]], limits: HttpLimits
    ) -> None:
        self.limits = limits
        self.closing = False
        self.idle: set[Any] = set()
        self.requests = self.refused = self.timed_out = self.accept_errors = 0
        # SERVER_NAME is given, because pywsgi would ask the name service for it.
        named = {"SERVER_NAME": listener.getsockname()[0]}
        super().__init__(
            listener,
            application,
            log=None,
            error_log=None,
            handler_class=_Handler,
            spawn=limits.connections,
            environ=named,
        )

    def do_read(self) -> Any:
        """Accept one connection; when that cannot be, wait a little instead of logging a traceback each time."""
        try:
            return super().do_read()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self.accept_errors += 1
            if self.accept_errors & (self.accept_errors - 1) == 0:
                log.warning("http: a connection cannot be accepted (%d times): %s", self.accept_errors, error)
            self.stop_accepting()
            self._timer = self.loop.timer(ACCEPT_PAUSE)
            self._timer.start(self._start_accepting_if_started)
            return None


class HttpListener:
    """Serves a WSGI application.

    Errors: OSError from ``__init__`` when the address cannot be bound.
    """

    def __init__(
        self,
        host: str,
        port: int,
        application: Callable[..., Iterable[bytes]],
        limits: HttpLimits | None = None,
    ) -> None:
        listener = _bound(host, port)
        self.local: tuple[str, int] = listener.getsockname()[:2]
        self._server = _Server(listener, application, limits or HttpLimits())

    def start(self) -> None:
        """Begin to accept connections."""
        self._server.start()

    def stop(self, timeout: float) -> None:
        """Accept nothing more, close idle connections, end requests that have not ended after ``timeout`` seconds.

        Switches: yes.
        """
        self._server.closing = True
        gevent.killall(list(self._server.idle), block=False)
        self._server.stop(timeout)

    def statistics(self) -> HttpStatistics:
        """Return the present counts."""
        server = self._server
        return HttpStatistics(
            connections=len(server.pool),
            idle=len(server.idle),
            requests=server.requests,
            refused=server.refused,
            timed_out=server.timed_out,
            accept_errors=server.accept_errors,
        )


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
