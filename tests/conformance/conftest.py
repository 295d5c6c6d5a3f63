"""A whole node on loopback sockets with one application, and the settings that a test asks for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import gevent
import pytest

from server.clock import Clock
from server.config import ServerConfig, load_config
from server.node import Node
from server.transport.locator import Resolver
from tests.conformance.caller import Caller, Seen
from tests.conformance.passing.servlets import PassingServlet
from tests.conformance.peer import Listener, StreamPeer, UdpPeer, connect
from tests.conformance.proxying.servlets import ProxyingServlet

StartNode = Callable[..., Node]
MakeUdp = Callable[..., UdpPeer]
Listen = Callable[[], Listener]


@pytest.fixture
def start_node() -> Iterator[StartNode]:
    with ExitStack() as stack:

        def started(
            resolver: Resolver | None = None,
            applications: Sequence[str] = ("tests.conformance.relay",),
            clock: Clock | None = None,
            **sections: dict[str, Any],
        ) -> Node:
            node = Node(settings(**sections), applications, resolver=resolver, clock=clock)
            stack.callback(node.stop, 0.2)
            node.start()
            return node

        yield started


def wait_closed(node: Node, left: int = 0) -> None:
    """Wait until the TCP transport has noticed that no more connections are left."""
    with gevent.Timeout(3.0):
        while node.tcp.statistics().connections > left:
            gevent.sleep(0.001)


def wait_forgotten(node: Node) -> None:
    """Wait until the state tier holds no call."""
    with gevent.Timeout(3.0):
        while node.engine.store.statistics().calls:
            gevent.sleep(0.01)


def settings(**sections: dict[str, Any]) -> ServerConfig:
    config = load_config()
    given = {"sip": {"listen": "127.0.0.1:0"}, "http": {"listen": ""}, **sections}
    if "listen" not in given["sip"]:
        given["sip"] = {"listen": "127.0.0.1:0", **given["sip"]}
    config = replace(config, apps=given.pop("apps", {}))
    for name, values in given.items():
        config = replace(config, **{name: replace(getattr(config, name), **values)})
    return config


@pytest.fixture
def node(start_node: StartNode, request: pytest.FixtureRequest) -> Node:
    """A node with the ``APPLICATIONS`` of the test's module."""
    return start_node(applications=getattr(request.module, "APPLICATIONS", ("tests.conformance.relay",)))


@pytest.fixture
def seen() -> Seen:
    """What the proxying applications have seen."""
    for servlet in (ProxyingServlet, PassingServlet):
        servlet.seen.clear()
    return ProxyingServlet.seen


@pytest.fixture
def alice(caller: UdpPeer, node: Node) -> Caller:
    return Caller(caller, node, "sip:bob@example.com")


@pytest.fixture
def udp() -> Iterator[MakeUdp]:
    with ExitStack() as stack:

        def made(host: str = "127.0.0.1", port: int = 0) -> UdpPeer:
            peer = UdpPeer(host, port)
            stack.callback(peer.close)
            return peer

        yield made


@pytest.fixture
def caller(udp: MakeUdp) -> UdpPeer:
    return udp()


@pytest.fixture
def callee(udp: MakeUdp) -> UdpPeer:
    return udp()


@pytest.fixture
def listen() -> Iterator[Callable[[], Listener]]:
    with ExitStack() as stack:

        def made() -> Listener:
            listener = Listener()
            stack.callback(listener.close)
            return listener

        yield made


@pytest.fixture
def open_tcp() -> Iterator[Callable[[Node], StreamPeer]]:
    with ExitStack() as stack:

        def made(node: Node) -> StreamPeer:
            peer = connect(node.tcp.local)
            stack.callback(peer.close)
            return peer

        yield made
