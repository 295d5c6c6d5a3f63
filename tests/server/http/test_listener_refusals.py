"""What the listener does not let through."""

import pytest

from server.http.listener import HEADERS, read_head
from tests.server.http.client import Application, Connect, Make, is_closed, read_response

HOST = b"Host: a\r\n"

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


def test_head_keeps_order_and_spelling() -> None:
    lines = [b"Host: a\r\n", b"X-B:1\r\n", b"x-a: \t2 \t\r\n", b"\r\n"]

    head = read_head(lambda _: lines.pop(0))

    assert head.headers == ["Host: a", "X-B: 1", "x-a: 2"]
    assert (head.get("X-A"), head.get("none"), head.typeheader) == ("2", None, None)


def test_head_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match="malformed"):
        read_head(lambda _: b"")
