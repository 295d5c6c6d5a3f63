"""A WSGI application that tells what it got, and a plain client."""

import socket
from collections.abc import Callable, Iterable
from typing import Any

from gevent.event import Event

from server.http.listener import HttpListener

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
