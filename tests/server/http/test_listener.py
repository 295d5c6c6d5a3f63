import errno
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer

from server.greenlets import spawn
from server.http import listener as module
from server.http.listener import HEADERS, HttpLimits, HttpListener, read_head

HOST = b"Host: a\r\n"

Make = Callable[..., HttpListener]
Connect = Callable[[HttpListener], socket.socket]


class Application:
    """Answers with what it got; waits for ``go`` before it does when there is one."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.go: Event | None = None
        self.entered = Event()
        self.error: Exception | None = None
        self.chunk = b""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.environs.append(environ)
        self.entered.set()
        if self.go is not None:
            self.go.wait(5)
        if self.error is not None:
            raise self.error
        self.bodies.append(environ["wsgi.input"].read())
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [self.chunk or b"body=" + self.bodies[-1]]


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def make(application: Application) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(**limits: float) -> HttpListener:
            listener = HttpListener("127.0.0.1", 0, application, HttpLimits(**limits))  # type: ignore[arg-type]
            stack.callback(listener.stop, 0.1)
            listener.start()
            return listener

        yield made


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def connected(listener: HttpListener) -> socket.socket:
            opened = socket.create_connection(listener.local, 2)
            stack.callback(opened.close)
            return opened

        yield connected


def read_response(opened: socket.socket) -> tuple[int, bytes]:
    """Return status and body of one response; status 0 when the connection was closed instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = opened.recv(65_536)
        if not chunk:
            assert not data
            return 0, b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += opened.recv(65_536)
    return int(head.split()[1]), body


def is_closed(opened: socket.socket) -> bool:
    try:
        return opened.recv(1) == b""
    except ConnectionResetError:
        return True


def test_requests_on_one_connection_are_answered_one_after_another(
    make: Make, connect: Connect, application: Application
) -> None:
    listener = make()
    client = connect(listener)
    for number in range(3):
        client.sendall(b"POST /calls?x=%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d" % (number, number))

        assert read_response(client) == (200, b"body=%d" % number)

    assert [environ["QUERY_STRING"] for environ in application.environs] == ["x=0", "x=1", "x=2"]
    assert listener.statistics().requests == 3


def test_application_sees_the_request(make: Make, connect: Connect, application: Application) -> None:
    client = connect(make())

    client.sendall(
        b"PUT /a%20b;c?d=e HTTP/1.1\r\nHost: a:80\r\nX-One:  1 \r\nx-one: 2\r\nCookie: a=b\r\nX_One: 3\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 2\r\nEmpty:\r\n\r\nxy"
    )
    read_response(client)

    environ = application.environs[0]
    names = (
        "REQUEST_METHOD",
        "PATH_INFO",
        "QUERY_STRING",
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
        "HTTP_HOST",
        "HTTP_COOKIE",
    )
    assert [environ[name] for name in names] == ["PUT", "/a b;c", "d=e", "text/plain", "2", "a:80", "a=b"]
    assert (environ["HTTP_X_ONE"], environ["HTTP_EMPTY"]) == ("1,2", "")
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert application.bodies == [b"xy"]


def test_request_that_comes_byte_by_byte_is_served(make: Make, connect: Connect) -> None:
    client = connect(make())

    for byte in b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":
        client.sendall(bytes([byte]))

    assert read_response(client) == (200, b"body=abc")


def test_two_requests_in_one_segment_are_both_served(make: Make, connect: Connect) -> None:
    client = connect(make())

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    status, body = read_response(client)
    assert (status, body[:6]) == (200, b"body=1")


def test_chunked_body_is_served_whole(make: Make, connect: Connect, application: Application) -> None:
    client = connect(make())

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")

    assert read_response(client) == (200, b"body=abc")
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert read_response(client) == (200, b"body=")


def test_client_that_asks_first_is_told_to_continue(make: Make, connect: Connect) -> None:
    client = connect(make())

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
    assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"x")

    assert read_response(client) == (200, b"body=x")


def test_http_1_0_is_served_without_a_host_and_closed(make: Make, connect: Connect) -> None:
    client = connect(make())

    client.sendall(b"GET / HTTP/1.0\r\n\r\n")

    assert read_response(client)[0] == 200
    assert is_closed(client)


SMUGGLED = {
    "content-length-beside-chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-beside-content-length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two-different-content-lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the-same-content-length-twice": b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "list-of-content-lengths": b"Content-Length: 1, 1\r\n\r\na",
    "space-before-the-colon": b"Content-Length : 1\r\n\r\na",
    "space-before-the-colon-of-another": b"X-Any : 1\r\n\r\n",
    "space-before-the-name": b" X-Any: 1\r\n\r\n",
    "tab-in-the-name": b"X\tAny: 1\r\n\r\n",
    "folded-line": b"X-Any: 1\r\n 2\r\n\r\n",
    "folded-length": b"Content-Length:\r\n 1\r\n\r\na",
    "line-without-a-colon": b"nonsense\r\n\r\n",
    "no-name": b": 1\r\n\r\n",
    "bare-line-feed": b"X-Any: 1\nContent-Length: 1\r\n\r\na",
    "bare-carriage-return": b"X-Any: 1\rContent-Length: 1\r\n\r\na",
    "nul": b"X-Any: \x00\r\n\r\n",
    "negative-length": b"Content-Length: -1\r\n\r\n",
    "signed-length": b"Content-Length: +1\r\n\r\na",
    "length-with-an-underscore": b"Content-Length: 1_0\r\n\r\n0123456789",
    "hexadecimal-length": b"Content-Length: 0x1\r\n\r\na",
    "empty-length": b"Content-Length:\r\n\r\n",
    "length-of-other-digits": b"Content-Length: \xb2\r\n\r\n",
    "huge-length": b"Content-Length: 99999999999999999999\r\n\r\n",
    "other-coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "disguised-coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding-twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "two-hosts": b"Host: b\r\n\r\n",
    "chunk-size-that-is-none": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "chunk-longer-than-it-says": b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("rest", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_request_that_two_parsers_read_differently_is_refused_and_closed(
    make: Make, connect: Connect, application: Application, rest: bytes
) -> None:
    listener = make()
    client = connect(listener)

    client.sendall(b"POST / HTTP/1.1\r\n" + HOST + rest + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")

    assert read_response(client)[0] == 400
    assert is_closed(client)
    assert application.environs == []
    assert listener.statistics().refused == 1


@pytest.mark.parametrize(
    "line",
    [
        b"GET /",
        b"GET / HTTP/0.9",
        b"GET / HTTP/2.0",
        b"GET / HTTP/1.x",
        b"GET  / HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET / /x HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"G(T / HTTP/1.1",
        b"GET /\xe4 HTTP/1.1",
        b"",
    ],
)
def test_malformed_request_line_is_refused_and_closed(
    make: Make, connect: Connect, application: Application, line: bytes
) -> None:
    client = connect(make())

    client.sendall(line + b"\r\n" + HOST + b"\r\n")

    assert read_response(client)[0] == 400
    assert is_closed(client)
    assert application.environs == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\n\n",
    ],
    ids=["no-host", "chunked-in-1.0", "line-feeds-only"],
)
def test_request_out_of_its_version_is_refused(make: Make, connect: Connect, request_bytes: bytes) -> None:
    client = connect(make())

    client.sendall(request_bytes)

    assert read_response(client)[0] == 400


def test_head_that_is_too_long_is_refused(make: Make, connect: Connect) -> None:
    listener = make()
    for head in (b"X: 1\r\n" * (HEADERS + 1), b"X: " + b"1" * 40_000):
        client = connect(listener)

        client.sendall(b"GET / HTTP/1.1\r\n" + head)

        assert read_response(client)[0] == 431


def test_request_line_that_is_too_long_is_refused(make: Make, connect: Connect) -> None:
    client = connect(make())

    client.sendall(b"GET /" + b"a" * 10_000)

    assert read_response(client)[0] == 414


@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 11\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"],
    ids=["length", "chunked"],
)
def test_body_that_is_too_long_is_refused(make: Make, connect: Connect, application: Application, rest: bytes) -> None:
    client = connect(make(body_bytes=10))

    client.sendall(b"POST / HTTP/1.1\r\n" + HOST + rest)

    assert read_response(client)[0] == 413
    assert is_closed(client)
    assert application.environs == []


def test_body_as_long_as_allowed_is_served(make: Make, connect: Connect) -> None:
    client = connect(make(body_bytes=10))

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789")

    assert read_response(client) == (200, b"body=0123456789")


def test_F5_new_connection_that_says_nothing_is_closed(make: Make, connect: Connect) -> None:
    assert is_closed(connect(make(header_timeout=0.03)))


def test_F5_head_that_does_not_end_in_time_gets_408(make: Make, connect: Connect) -> None:
    listener = make(header_timeout=0.03)
    for start in (b"G", b"GET / HTTP/1.1\r\nHost:"):
        client = connect(listener)
        client.sendall(start)

        assert read_response(client)[0] == 408
        assert is_closed(client)

    assert listener.statistics().timed_out == 2


def test_F5_byte_by_byte_does_not_buy_time(make: Make, connect: Connect) -> None:
    listener = make(header_timeout=0.05)
    client = connect(listener)

    with gevent.Timeout(2), suppress(OSError):
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
        while not listener.statistics().timed_out:
            client.sendall(b"x")
            gevent.sleep(0.005)

    assert listener.statistics().timed_out == 1


def test_F5_body_that_does_not_end_in_time_gets_408(make: Make, connect: Connect, application: Application) -> None:
    client = connect(make(body_timeout=0.03))

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")

    assert read_response(client)[0] == 408
    assert application.environs == []


def test_body_that_ends_early_never_reaches_the_application(
    make: Make, connect: Connect, application: Application
) -> None:
    client = connect(make())

    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
    client.shutdown(socket.SHUT_WR)

    assert read_response(client)[0] == 400
    assert application.environs == []


def test_kept_connection_that_says_nothing_is_closed(make: Make, connect: Connect) -> None:
    listener = make(idle_timeout=0.03)
    client = connect(listener)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert read_response(client)[0] == 200
    assert is_closed(client)
    assert listener.statistics().timed_out == 0


def test_application_may_take_longer_than_a_client(make: Make, connect: Connect, application: Application) -> None:
    application.go = Event()
    client = connect(make(header_timeout=0.01, body_timeout=0.01, idle_timeout=0.01))
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    application.entered.wait(2)
    gevent.sleep(0.03)
    application.go.set()

    assert read_response(client)[0] == 200


def test_client_that_does_not_read_is_given_up(
    make: Make, connect: Connect, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.chunk = b"x" * (1 << 25)
    listener = make(send_timeout=0.03)
    client = connect(listener)

    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert application.entered.wait(2)
    with gevent.Timeout(2):
        while listener.statistics().connections:
            gevent.sleep(0.005)

    assert "failed" not in caplog.text


def test_application_that_raises_gives_500_and_a_log_line(
    make: Make, connect: Connect, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    application.error = RuntimeError("broken application")
    client = connect(make())

    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert read_response(client)[0] == 500
    assert "broken application" in caplog.text


def test_nagle_is_off_on_accepted_connections(make: Make, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[int] = []

    class Watching(module._Handler):
        def __init__(self, sock: socket.socket, address: object, server: module._Server) -> None:
            super().__init__(sock, address, server)
            options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    listener = make()
    listener._server.handler_class = Watching
    client = connect(listener)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    read_response(client)

    assert options == [1]


def test_statistics_tell_idle_connections_from_busy_ones(
    make: Make, connect: Connect, application: Application
) -> None:
    application.go = Event()
    listener = make()
    connect(listener)
    connect(listener).sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert application.entered.wait(2)
    gevent.idle()
    counts = listener.statistics()
    application.go.set()

    assert (counts.connections, counts.idle, counts.requests) == (2, 1, 1)


def test_F27_listener_goes_on_after_a_lack_of_descriptors(
    make: Make, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "ACCEPT_PAUSE", 0.001)
    failures = [OSError(errno.EMFILE, "Too many open files")] * 3
    accept = StreamServer.do_read

    def failing(server: StreamServer) -> object:
        if failures:
            raise failures.pop()
        return accept(server)

    monkeypatch.setattr(StreamServer, "do_read", failing)
    listener = make()
    client = connect(listener)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert read_response(client)[0] == 200
    assert listener.statistics().accept_errors == 3
    assert caplog.text.count("cannot be accepted") == 2


def test_stop_closes_idle_connections_at_once_and_lets_requests_end(
    make: Make, connect: Connect, application: Application
) -> None:
    application.go = Event()
    listener = make()
    idle, busy = connect(listener), connect(listener)
    busy.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert application.entered.wait(2)
    gevent.idle()

    stopping = spawn("stop", listener.stop, 5.0)

    assert is_closed(idle)
    application.go.set()
    assert read_response(busy)[0] == 200
    stopping.get(timeout=2)
    assert listener.statistics().connections == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(listener.local, 1)


def test_stop_ends_requests_that_take_too_long(make: Make, connect: Connect, application: Application) -> None:
    application.go = Event()
    listener = make()
    client = connect(listener)
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert application.entered.wait(2)

    listener.stop(0.01)

    assert listener.statistics().connections == 0


def test_address_in_use_is_an_os_error(make: Make, application: Application) -> None:
    with pytest.raises(OSError, match="in use"):
        HttpListener(*make().local, application)


def test_head_keeps_order_and_spelling() -> None:
    lines = [b"Host: a\r\n", b"X-B:1\r\n", b"x-a: \t2 \t\r\n", b"\r\n"]

    head = read_head(lambda _: lines.pop(0))

    assert head.headers == ["Host: a", "X-B: 1", "x-a: 2"]
    assert (head.get("X-A"), head.get("none"), head.typeheader) == ("2", None, None)


def test_head_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match="malformed"):
        read_head(lambda _: b"")
