"""The server between two user agents in a network that loses, repeats and reorders."""

from random import Random
from typing import Any

from server.engine.call import CallKey
from server.servlet import B2buaServlet
from server.testing.network import Address, MemoryNetwork, Weather
from server.testing.user_agent import UserAgent
from server.transport.flow import Flow
from tests.server.container.kit import House

TICK = 0.05
"""Seconds between two looks at the deadlines of the server's calls."""

ALICE, BOB = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
SETTLED = 300.0
"""Seconds after which nothing may be left of any call: several times 64 T1."""


class NodeInNetwork:
    """A whole node with an address in the network."""

    def __init__(self, network: MemoryNetwork, house: House) -> None:
        self._network = network
        self._engine = house.engine
        self._transport = house.engine.transports["UDP"]
        self.address: Address = house.node.udp.local
        self.next_due = network.clock.monotonic() + TICK
        house.engine.transports["UDP"] = self  # type: ignore[index]
        network.endpoints[self.address] = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def send(self, data: bytes, flow: Flow) -> None:
        self._network.send(data, self.address, (flow.remote_host, flow.remote_port))

    def receive(self, data: bytes, source: Address) -> None:
        self._engine.on_datagram(data, Flow("UDP", *self.address, *source))

    def expire(self) -> None:
        self.next_due = self._network.clock.monotonic() + TICK
        while due := self._engine.store.poll().due:
            for checkout in due:
                self._engine.store.unlock(checkout)
                self._engine.wake(CallKey(checkout.key))


class Stage:
    """Alice, the server as a B2BUA, Bob, and the network between them."""

    def __init__(self, random: Random, weather: Weather, *, ring: float = 1.0, final: int = 200) -> None:
        self.house = House(B2buaServlet)
        self.network = MemoryNetwork(self.house.clock, random, weather)
        self.node = NodeInNetwork(self.network, self.house)
        self.alice = UserAgent("alice", ALICE, self.network)
        self.bob = UserAgent("bob", BOB, self.network, ring=ring, final=final)

    def close(self) -> None:
        self.house.close()

    def settle(self) -> None:
        """Let the weather clear up and everything come to its end."""
        self.network.weather = Weather(delay=0.01)
        self.network.run(SETTLED)

    def leftovers(self) -> dict[str, int]:
        """Return how much there still is of what should be gone."""
        engine = self.house.engine
        found = {
            "transactions of Alice": self.alice.transactions,
            "transactions of Bob": self.bob.transactions,
            "calls in the store": engine.store.statistics().calls,
            "timers of the server": len(engine.near_timers),
            "busy calls": len(engine.queues),
        }
        return {name: number for name, number in found.items() if number}
