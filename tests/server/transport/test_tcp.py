import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from dataclasses import replace

import gevent
import pytest
from gevent.queue import Queue

from server.config import load_config
from server.errors import TransportError
from server.sip.errors import MalformedMessageError
from server.transport import stream
from server.transport.flow import Flow
from server.transport.tcp import TcpTransport

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
OTHER = b"BYE sip:a@b SIP/2.0\r\nl: 0\r\n\r\n"

Connect = Callable[[TcpTransport], socket.socket]
Make = Callable[..., TcpTransport]


class Receiver:
    """Collects what a transport hands over."""

    def __init__(self) -> None:
        self.messages: Queue[tuple[bytes, Flow]] = Queue()
        self.malformed: Queue[tuple[MalformedMessageError, Flow]] = Queue()
        self.failures: Queue[tuple[Flow, str]] = Queue()

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        self.messages.put((data, flow))

    def on_malformed(self, error: MalformedMessageError, flow: Flow) -> None:
        self.malformed.put((error, flow))

    def on_failure(self, flow: Flow, reason: str, branch: str) -> None:
        self.failures.put((flow, reason))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def make(receiver: Receiver) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(**limits: float) -> TcpTransport:
            transport = TcpTransport(
                "127.0.0.1",
                0,
                receiver,
                replace(load_config().connections, **limits),  # type: ignore[arg-type]
            )
            stack.callback(transport.stop, 0.1)
            transport.start()
            return transport

        yield made


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def connected(transport: TcpTransport) -> socket.socket:
            opened = socket.create_connection(transport.local, 2)
            stack.callback(opened.close)
            return opened

        yield connected


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        bound.settimeout(2)
        yield bound


def read(opened: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := opened.recv(size - len(data))):
        data += chunk
    return data


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def wait_closed(transport: TcpTransport) -> None:
    """Wait until no connection is left."""
    with gevent.Timeout(2):
        while transport.statistics().connections:
            gevent.sleep(0.001)


def test_message_comes_with_the_flow_it_came_over(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make()
    phone = connect(transport)
    phone.sendall(MESSAGE)

    data, flow = receiver.messages.get(timeout=2)

    assert data == MESSAGE
    assert (flow.transport, flow.local_host, flow.local_port) == ("TCP", *transport.local)
    assert (flow.remote_host, flow.remote_port) == phone.getsockname()
    assert flow.connection


def test_messages_come_one_by_one_however_the_stream_is_cut(make: Make, connect: Connect, receiver: Receiver) -> None:
    phone = connect(make())
    for at in (1, 30, len(MESSAGE), len(MESSAGE) + 5):
        stream = MESSAGE + OTHER
        phone.sendall(stream[:at])
        gevent.idle()
        phone.sendall(stream[at:])

        assert [receiver.messages.get(timeout=2)[0] for _ in range(2)] == [MESSAGE, OTHER]


def test_answer_goes_out_on_the_connection_the_request_came_over(
    make: Make, connect: Connect, receiver: Receiver
) -> None:
    transport = make()
    phone = connect(transport)
    phone.sendall(MESSAGE)
    flow = receiver.messages.get(timeout=2)[1]

    transport.send(OTHER, flow)

    assert read(phone, len(OTHER)) == OTHER
    assert transport.statistics().connections == 1


def test_message_to_an_address_goes_out_on_the_connection_that_is_there(
    make: Make, connect: Connect, receiver: Receiver
) -> None:
    transport = make()
    phone = connect(transport)
    phone.sendall(MESSAGE)
    receiver.messages.get(timeout=2)

    transport.send(OTHER, transport.flow_to(*phone.getsockname()))

    assert read(phone, len(OTHER)) == OTHER


def test_connection_name_of_another_address_is_not_believed(
    make: Make, connect: Connect, receiver: Receiver, listener: socket.socket
) -> None:
    transport = make()
    connect(transport).sendall(MESSAGE)
    name = receiver.messages.get(timeout=2)[1].connection
    flow = Flow("TCP", *transport.local, *listener.getsockname(), name)

    assert not transport.is_open(flow)
    with pytest.raises(TransportError, match="only the peer can open it"):
        transport.send(OTHER, flow)


def test_connection_is_opened_once_for_many_messages_and_both_ways(
    make: Make, receiver: Receiver, listener: socket.socket
) -> None:
    transport = make()
    flow = transport.flow_to(*listener.getsockname())

    for _ in range(3):
        transport.send(OTHER, flow)
    with listener.accept()[0] as accepted:
        got = read(accepted, 3 * len(OTHER))
        accepted.sendall(MESSAGE)
        data, back = receiver.messages.get(timeout=2)

    assert got == 3 * OTHER
    assert data == MESSAGE
    assert (back.remote_host, back.remote_port) == listener.getsockname()
    assert transport.statistics().sent == 3


def test_refused_connection_fails_every_message_that_waits_for_it(make: Make, receiver: Receiver) -> None:
    transport = make()
    flow = transport.flow_to("127.0.0.1", unused_port())

    transport.send(MESSAGE, flow)
    transport.send(OTHER, flow)
    failures = [receiver.failures.get(timeout=2) for _ in range(2)]

    assert [failed for failed, _ in failures] == [flow, flow]
    assert "refused" in failures[0][1]
    counts = transport.statistics()
    assert (counts.send_errors, counts.connections) == (2, 0)


def test_send_does_not_wait_for_a_peer_that_does_not_read(
    make: Make, receiver: Receiver, listener: socket.socket
) -> None:
    transport = make(queue_bytes=200_000, send_timeout=0.05)
    flow = transport.flow_to(*listener.getsockname())
    data = b"x" * 60_000

    for _ in range(3):
        transport.send(data, flow)

    with pytest.raises(TransportError, match="bytes wait"):
        transport.send(data, flow)

    assert transport.statistics().send_errors == 1


def test_peer_that_does_not_read_in_time_is_given_up(make: Make, receiver: Receiver, listener: socket.socket) -> None:
    transport = make(queue_bytes=1 << 26, send_timeout=0.05)
    flow = transport.flow_to(*listener.getsockname())

    transport.send(b"x" * (1 << 25), flow)
    with listener.accept()[0]:
        assert receiver.failures.get(timeout=2) == (flow, "the peer does not read")

    assert transport.statistics().connections == 0


def test_keep_alive_is_answered_with_one_crlf(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make()
    phone = connect(transport)

    phone.sendall(b"\r\n\r\n" + MESSAGE)

    assert read(phone, 2) == b"\r\n"
    assert receiver.messages.get(timeout=2)[0] == MESSAGE
    assert transport.statistics().keep_alives == 1


def test_stream_that_cannot_be_followed_is_reported_answered_and_closed(
    make: Make, connect: Connect, receiver: Receiver
) -> None:
    transport = make()
    phone = connect(transport)
    receiver.on_malformed = lambda error, flow: transport.send(b"400", flow)  # type: ignore[method-assign]

    phone.sendall(b"OPTIONS sip:a@b SIP/2.0\r\nl: x\r\n\r\n")

    assert read(phone, 100) == b"400"
    phone.close()
    wait_closed(transport)
    assert transport.statistics().malformed == 1


def test_peer_that_closed_its_own_direction_still_gets_its_answer(
    make: Make, connect: Connect, receiver: Receiver
) -> None:
    transport = make()
    receiver.on_datagram = lambda data, flow: transport.send(OTHER, flow)  # type: ignore[method-assign]
    phone = connect(transport)

    phone.sendall(MESSAGE)
    phone.shutdown(socket.SHUT_WR)

    assert read(phone, 100) == OTHER


def test_F5_half_a_message_has_its_time(make: Make, connect: Connect) -> None:
    transport = make(message_timeout=0.03)
    phone = connect(transport)

    phone.sendall(MESSAGE[:-1])

    assert phone.recv(100) == b""
    assert transport.statistics().timed_out == 1


def test_F5_byte_by_byte_does_not_buy_time(make: Make, connect: Connect) -> None:
    transport = make(message_timeout=0.05)
    phone = connect(transport)

    with gevent.Timeout(2), suppress(OSError):
        while not transport.statistics().timed_out:
            phone.sendall(b"x")
            gevent.sleep(0.005)

    assert transport.statistics().timed_out == 1
    wait_closed(transport)


def test_idle_connection_is_closed(make: Make, connect: Connect) -> None:
    transport = make(idle_timeout=0.03)

    assert connect(transport).recv(100) == b""
    wait_closed(transport)


def test_peer_that_closes_leaves_nothing_behind(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make()
    phone = connect(transport)
    phone.sendall(MESSAGE)
    receiver.messages.get(timeout=2)

    phone.close()
    wait_closed(transport)
    gevent.idle()

    assert not transport._by_peer
    assert not transport._greenlets


def test_connections_above_the_limit_are_refused(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make(limit=1)
    connect(transport).sendall(MESSAGE)
    receiver.messages.get(timeout=2)

    assert connect(transport).recv(100) == b""
    with pytest.raises(TransportError, match="limit"):
        transport.send(OTHER, transport.flow_to("127.0.0.1", 9))
    assert transport.statistics().refused == 1


def test_one_address_opens_no_more_than_its_share(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make(limit_per_address=2)
    phones = [connect(transport) for _ in range(2)]
    for phone in phones:
        phone.sendall(MESSAGE)
        receiver.messages.get(timeout=2)

    refused = connect(transport).recv(100)
    phones[0].close()
    with gevent.Timeout(2):
        while transport.statistics().connections > 1:
            gevent.sleep(0.001)
    connect(transport).sendall(MESSAGE)

    assert refused == b""
    assert receiver.messages.get(timeout=2)[0] == MESSAGE
    assert transport.statistics().refused == 1


def test_receiver_that_raises_does_not_end_the_connection(
    make: Make, connect: Connect, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    transport = make()
    got: Queue[bytes] = Queue()

    def broken(data: bytes, flow: Flow) -> None:
        got.put(data)
        raise RuntimeError("broken receiver")

    receiver.on_datagram = broken  # type: ignore[method-assign]
    connect(transport).sendall(MESSAGE + OTHER)

    assert [got.get(timeout=2) for _ in range(2)] == [MESSAGE, OTHER]
    assert "was given up" in caplog.text


def test_F27_listener_goes_on_after_a_lack_of_descriptors(
    make: Make,
    connect: Connect,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(stream, "ACCEPT_PAUSE", 0.001)
    transport = make()
    accept = transport._listener.accept
    failures = [OSError(errno.EMFILE, "Too many open files")] * 3

    class Listener:
        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            if failures:
                raise failures.pop()
            return accept()

        def close(self) -> None:
            listener.close()

    listener, transport._listener = transport._listener, Listener()  # type: ignore[assignment]
    connect(transport)

    connect(transport).sendall(MESSAGE)

    assert receiver.messages.get(timeout=2)[0] == MESSAGE
    assert transport.statistics().accept_errors == 3
    assert caplog.text.count("cannot be accepted") == 2


def test_nagle_is_off(make: Make, connect: Connect, receiver: Receiver) -> None:
    transport = make()
    connect(transport).sendall(MESSAGE)
    name = receiver.messages.get(timeout=2)[1].connection

    opened = transport._by_name[name or ""].socket

    assert opened is not None
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_connection_does_not_keep_the_context_it_was_opened_in(
    make: Make, receiver: Receiver, listener: socket.socket
) -> None:
    transport = make()
    context: ContextVar[str] = ContextVar("context", default="none")
    seen: Queue[str] = Queue()
    receiver.on_datagram = lambda data, flow: seen.put(context.get())  # type: ignore[method-assign]
    token = context.set("the message")

    transport.send(OTHER, transport.flow_to(*listener.getsockname()))
    context.reset(token)
    with listener.accept()[0] as accepted:
        accepted.sendall(MESSAGE)

        assert seen.get(timeout=2) == "none"


def test_stop_sends_what_waits_and_closes(make: Make, listener: socket.socket) -> None:
    transport = make()
    transport.send(OTHER, transport.flow_to(*listener.getsockname()))

    transport.stop(1.0)

    with listener.accept()[0] as accepted:
        assert read(accepted, 100) == OTHER
    with pytest.raises(TransportError, match="stopped"):
        transport.send(OTHER, transport.flow_to("127.0.0.1", 9))
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(transport.local, 1)


def test_stop_reports_what_could_not_be_sent_in_time(make: Make, receiver: Receiver, listener: socket.socket) -> None:
    transport = make(queue_bytes=1 << 26)
    flow = transport.flow_to(*listener.getsockname())
    transport.send(b"x" * (1 << 25), flow)
    with listener.accept()[0]:
        transport.stop(0.02)

        assert receiver.failures.get(timeout=2) == (flow, "the server stops")
    assert transport.statistics().connections == 0


def test_address_in_use_is_an_os_error(make: Make, receiver: Receiver) -> None:
    host, port = make().local

    with pytest.raises(OSError, match="in use"):
        TcpTransport(host, port, receiver, load_config().connections)
