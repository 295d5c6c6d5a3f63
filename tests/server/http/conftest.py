"""A listener on loopback, with limits that a test may set, and clients of it."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from server.http.listener import HttpLimits, HttpListener
from tests.server.http.client import Application, Connect, Make


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
