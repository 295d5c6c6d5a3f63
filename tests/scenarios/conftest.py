"""A whole node on loopback sockets, and scripted phones."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from server.config import load_config
from server.node import Node
from server.testing.phone import ScriptedPhone


@pytest.fixture
def node() -> Iterator[Node]:
    config = load_config().with_command_line(sip="127.0.0.1:0", http="127.0.0.1:0", outbound_proxy=None)
    config = replace(config, apps={"click2call": {"calls_per_minute": 5, "hold_after": 0.1}})
    running = Node(config, ["apps.click2call"], demo=True)
    running.start()
    yield running
    running.stop(0.5)


@pytest.fixture
def phones(node: Node) -> Iterator[tuple[ScriptedPhone, ScriptedPhone]]:
    alice = ScriptedPhone("alice", node.udp.local, ring=0.02)
    bob = ScriptedPhone("bob", node.udp.local, ring=0.02)
    for phone in (alice, bob):
        phone.start()
    assert alice.registered.wait(3)
    assert bob.registered.wait(3)
    yield alice, bob
    alice.stop()
    bob.stop()
