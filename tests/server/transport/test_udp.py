import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from gevent.event import Event
from gevent.queue import Queue

from server.errors import TransportError
from server.transport.flow import Flow
from server.transport.udp import BATCH, UdpTransport


class Receiver:
    """Collects what a transport hands over; raises for what begins with ``raise``."""

    def __init__(self) -> None:
        self.messages: Queue[tuple[bytes, Flow]] = Queue()
        self.failures: Queue[tuple[Flow, str]] = Queue()

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        if data.startswith(b"raise"):
            raise RuntimeError("broken receiver")
        self.messages.put((data, flow))

    def on_failure(self, flow: Flow, reason: str, branch: str) -> None:
        self.failures.put((flow, reason))

    def take(self, count: int = 1) -> list[bytes]:
        return [self.messages.get(timeout=2)[0] for _ in range(count)]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def transport(receiver: Receiver) -> Iterator[UdpTransport]:
    running = UdpTransport("127.0.0.1", 0, receiver.on_datagram, receiver.on_failure)
    running.start()
    yield running
    running.stop(0)


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(2)
        yield bound


def unused_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_port_0_takes_a_free_one(transport: UdpTransport) -> None:
    assert transport.local[0] == "127.0.0.1"
    assert transport.local[1] > 0


def test_datagram_comes_with_the_flow_it_came_over(
    transport: UdpTransport, receiver: Receiver, peer: socket.socket
) -> None:
    peer.sendto(b"INVITE", transport.local)

    data, flow = receiver.messages.get(timeout=2)

    assert data == b"INVITE"
    assert flow == Flow("UDP", *transport.local, *peer.getsockname())
    assert not flow.reliable


def test_what_is_sent_to_a_flow_arrives_from_the_listening_port(transport: UdpTransport, peer: socket.socket) -> None:
    transport.send(b"200 OK", transport.flow_to(*peer.getsockname()))

    assert peer.recvfrom(100) == (b"200 OK", transport.local)
    assert transport.statistics().sent == 1


def test_many_datagrams_arrive_in_order(transport: UdpTransport, receiver: Receiver, peer: socket.socket) -> None:
    sent = [f"{number}".encode() for number in range(3 * BATCH)]
    for data in sent:
        peer.sendto(data, transport.local)

    assert receiver.take(len(sent)) == sent
    assert transport.statistics().received == len(sent)


@pytest.mark.parametrize("blank", [b"\r\n\r\n", b"\r\n", b"\0", b"", b"\0\0\0\0"])
def test_keep_alive_is_counted_and_answered_with_nothing(
    transport: UdpTransport, receiver: Receiver, peer: socket.socket, blank: bytes
) -> None:
    peer.sendto(blank, transport.local)
    peer.sendto(b"\r\nmessage", transport.local)

    assert receiver.take() == [b"\r\nmessage"]
    counts = transport.statistics()
    assert (counts.keep_alives, counts.sent) == (1, 0)


def test_receiver_that_raises_does_not_end_the_transport(
    transport: UdpTransport, receiver: Receiver, peer: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    peer.sendto(b"raise", transport.local)
    peer.sendto(b"next", transport.local)

    assert receiver.take() == [b"next"]
    assert "was given up" in caplog.text


def test_largest_datagram_arrives_whole(transport: UdpTransport, receiver: Receiver, peer: socket.socket) -> None:
    peer.sendto(b"x" * 65_507, transport.local)

    assert len(receiver.take()[0]) == 65_507


def test_too_large_a_datagram_is_a_transport_error(transport: UdpTransport) -> None:
    with pytest.raises(TransportError, match="UDP 127"):
        transport.send(b"x" * 70_000, transport.flow_to("127.0.0.1", 5060))
    assert transport.statistics().send_errors == 1


@pytest.mark.parametrize("port", [70_000, -1])
def test_port_that_is_none_is_a_transport_error(transport: UdpTransport, port: int) -> None:
    with pytest.raises(TransportError):
        transport.send(b"x", transport.flow_to("127.0.0.1", port))


def test_full_send_buffer_loses_the_datagram_as_the_network_may_and_counts_it(transport: UdpTransport) -> None:
    def full(*_: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "full")

    transport._put = full

    transport.send(b"x", transport.flow_to("127.0.0.1", 5060))

    counts = transport.statistics()
    assert (counts.dropped, counts.send_errors, counts.sent) == (1, 0, 0)


def test_unreachable_port_is_reported_for_the_flow_it_was_sent_to(transport: UdpTransport, receiver: Receiver) -> None:
    flow = transport.flow_to("127.0.0.1", unused_port())

    transport.send(b"x", flow)

    assert receiver.failures.get(timeout=2) == (flow, "Connection refused")
    counts = transport.statistics()
    assert (counts.icmp_errors, counts.receive_errors) == (1, 0)


def test_unreachable_port_does_not_fail_the_next_datagram_to_another(
    transport: UdpTransport, receiver: Receiver, peer: socket.socket
) -> None:
    dead = transport.flow_to("127.0.0.1", unused_port())

    for _ in range(10):
        transport.send(b"x", dead)
        transport.send(b"y", transport.flow_to(*peer.getsockname()))

    assert [peer.recv(100) for _ in range(10)] == [b"y"] * 10
    assert receiver.failures.get(timeout=2)[0] == dead


def test_transport_without_failure_callback_ignores_unreachable_ports(receiver: Receiver, peer: socket.socket) -> None:
    transport = UdpTransport("127.0.0.1", 0, receiver.on_datagram)
    transport.start()
    try:
        transport.send(b"x", transport.flow_to("127.0.0.1", unused_port()))
        peer.sendto(b"still here", transport.local)

        assert receiver.take() == [b"still here"]
        assert transport.statistics().icmp_errors == 0
    finally:
        transport.stop(0)


def test_failure_callback_that_raises_does_not_end_the_transport(
    receiver: Receiver, peer: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    called = Event()

    def on_failure(flow: Flow, reason: str, branch: str) -> None:
        called.set()
        raise RuntimeError("broken receiver")

    transport = UdpTransport("127.0.0.1", 0, receiver.on_datagram, on_failure)
    transport.start()
    try:
        transport.send(b"x", transport.flow_to("127.0.0.1", unused_port()))
        assert called.wait(2)
        peer.sendto(b"still here", transport.local)

        assert receiver.take() == [b"still here"]
        assert "was given up" in caplog.text
    finally:
        transport.stop(0)


def test_address_in_use_is_an_os_error(transport: UdpTransport, receiver: Receiver) -> None:
    with pytest.raises(OSError, match="in use"):
        UdpTransport(*transport.local, receiver.on_datagram).start()


def test_stopped_transport_refuses_to_send_and_stops_twice(transport: UdpTransport) -> None:
    transport.stop(0)
    transport.stop(0)

    with pytest.raises(TransportError, match="stopped"):
        transport.send(b"x", transport.flow_to("127.0.0.1", 5060))


def test_receiver_may_stop_the_transport(receiver: Receiver, peer: socket.socket) -> None:
    seen: list[bytes] = []
    stopped = Event()

    def on_datagram(data: bytes, flow: Flow) -> None:
        seen.append(data)
        transport.stop(0)
        stopped.set()

    transport = UdpTransport("127.0.0.1", 0, on_datagram)
    transport.start()
    local = transport.local
    for _ in range(3):
        peer.sendto(b"x", local)

    assert stopped.wait(2)
    assert seen == [b"x"]


def test_ipv6_is_served(receiver: Receiver) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        probe = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with closing(probe):
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        transport = UdpTransport("::1", 0, receiver.on_datagram, receiver.on_failure)
        transport.start()
        try:
            probe.sendto(b"INVITE", transport.local)

            assert receiver.messages.get(timeout=2)[1].remote_host == "::1"
        finally:
            transport.stop(0)
