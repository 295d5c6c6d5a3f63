"""What ContextPropagation takes for a peer, and what it adds to requests of the HTTP client."""

import http.client
from collections.abc import Iterator
from contextvars import Context
from email.message import Message
from email.parser import BytesParser
from types import SimpleNamespace
from typing import Any

import pytest

from monitors.context_propagation import ContextPropagationAction, Peers, register
from monitors.propagated import OWN, TRACE, parse_hop
from weaver import context
from weaver.dye import mask_of
from weaver.dye_rules import RuleBook
from weaver.errors import InvalidAttributeError, PluginError
from weaver.event import EventBuffer
from weaver.joinpoint import Invocation
from weaver.monitor import MonitorDefinition
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry


@pytest.mark.parametrize(
    ("peers", "host", "is_one"),
    [
        ("10.1.0.0/16 192.0.2.7", "10.1.2.3", True),
        ("10.1.0.0/16, 192.0.2.7", "192.0.2.7", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("2001:db8::/32", "[2001:db8::1]", True),
        ("node-b.example.com", "NODE-B.example.com", True),
        ("node-b.example.com", "node-c.example.com", False),
        ("", "127.0.0.1", False),
        ("10.0.0.1/8", "10.9.9.9", True),
    ],
)
def test_peers_are_addresses_networks_and_names(peers: str, host: str, is_one: bool) -> None:
    assert (host in Peers(peers.replace(",", " ").split())) is is_one


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"peers": "10.0.0.0/33"}, "peers: "),
        ({"peers": "10.0.0"}, "peers: "),
        ({"peers": "2001:db8::zz"}, "peers: "),
        ({"peers": 7}, "peers: "),
        ({"peer": "10.0.0.1"}, "peer is no property; known: node, peers"),
    ],
)
def test_bad_property_is_refused_and_the_old_ones_stay(properties: dict[str, Any], words: str) -> None:
    action = ContextPropagationAction(RuleBook())
    action.configure({"peers": ["192.0.2.7"]})

    with pytest.raises(InvalidAttributeError, match=words):
        action.configure(properties)

    assert "192.0.2.7" in action._peers


def test_no_other_monitor_may_change_a_result() -> None:
    pointcut = parse_pointcut("execution(* server..*.f(..))")

    with pytest.raises(PluginError, match="may not change results"):
        Registry(EventBuffer(1)).add(
            MonitorDefinition("Mine", "application", "custom", "around", pointcut, changes_result=True)
        )


class Wire:
    """Stands for the socket of a connection."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data

    @property
    def headers(self) -> Message:
        return BytesParser().parsebytes(self.data.partition(b"\r\n")[2])


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = Registry(EventBuffer(1))
    register(Plugins(found))
    found.on_module(http.client)
    yield found
    for name in found.names():
        found.set(name, enabled=False)


def get(host: str, headers: dict[str, str]) -> tuple[Message, str | None]:
    """Ask a host something while a message is worked on; return what headers left, and the id of the context."""
    tokens = context.begin(mask_of(["ADDR1"]), {}, "text")
    client, wire = http.client.HTTPConnection(host), Wire()
    client.sock = wire  # type: ignore[assignment]
    client.request("GET", "/", headers=headers)
    identity = context.context_id()
    context.end(tokens)
    return wire.headers, identity


def test_request_of_the_http_client_carries_the_context_to_a_peer(registry: Registry) -> None:
    registry.set("ContextPropagation", enabled=True, properties={"peers": "node-b", "node": "node-a"})

    headers, identity = Context().run(get, "node-b", {})

    hop = parse_hop(headers.get_all(OWN, []), headers.get_all(TRACE, []))
    assert hop is not None
    assert (hop.identity, hop.node, hop.dyes, hop.payload) == (identity, "node-a", ("ADDR1",), "text")


def test_request_to_anybody_else_carries_nothing(registry: Registry) -> None:
    registry.set("ContextPropagation", enabled=True, properties={"peers": "node-b"})

    headers, _ = Context().run(get, "192.0.2.1", {})

    assert (headers.get(OWN), headers.get(TRACE)) == (None, None)
    assert headers.get("Host") == "192.0.2.1"


def test_trace_that_the_program_itself_tells_of_stays_the_only_one(registry: Registry) -> None:
    registry.set("ContextPropagation", enabled=True, properties={"peers": "node-b"})

    headers, _ = Context().run(get, "node-b", {"TraceParent": "theirs"})

    assert headers.get_all(TRACE) == ["theirs"]
    assert len(headers.get_all(OWN, [])) == 1


def test_connection_that_has_no_request_is_the_program_s_fault_as_ever(registry: Registry) -> None:
    registry.set("ContextPropagation", enabled=True, properties={"peers": "node-b"})

    def message() -> None:
        tokens = context.begin(0, {})
        try:
            http.client.HTTPConnection("node-b").endheaders()
        finally:
            context.end(tokens)

    with pytest.raises(http.client.CannotSendHeader):
        Context().run(message)
    assert registry.get("ContextPropagation")["counters"]["errors"] == 0


def test_request_that_comes_in_is_believed_by_its_address() -> None:
    action = ContextPropagationAction(RuleBook())
    action.configure({"peers": "192.0.2.7"})
    line = "00000000000000aa-00000000000000bb;parent=00000000000000cc;node=b;dyes=ADDR1,NO_SUCH"

    def served(address: str) -> tuple[str | None, int]:
        tokens = context.begin(0, {})
        headers = SimpleNamespace(getlist=lambda name: [line] if name == OWN else [])
        request = SimpleNamespace(headers=headers, remote_addr=address, cookies={})
        shadow = SimpleNamespace(name="handle_request", parameters=[SimpleNamespace(name="request")])
        invocation = Invocation(SimpleNamespace(shadow=shadow), (request, None, None))  # type: ignore[arg-type]
        action.enter(invocation)
        action.leave(invocation)
        found = context.context_id(), context.dye_vector()
        context.end(tokens)
        return found

    assert Context().run(served, "192.0.2.7") == ("00000000000000aa-00000000000000bb", mask_of(["ADDR1"]))
    assert Context().run(served, "192.0.2.8")[1] == 0
    assert action.statistics({}) == {"sent": 0, "accepted": 1, "untrusted": 1, "malformed": 0}
