import errno
import socket
from contextlib import suppress

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer

from server.greenlets import spawn
from server.http import listener as module
from server.http.listener import HttpListener
from tests.server.http.client import Application, Connect, Make, is_closed, read_response


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
