"""A network in memory that loses, repeats, delays and reorders datagrams, in the time of a manual clock."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Protocol

from server.testing.clock import ManualClock

Address = tuple[str, int]


class Endpoint(Protocol):
    """Who has an address in the network."""

    @property
    def next_due(self) -> float:
        """When ``expire`` has something to do, infinity for never.

        Units: seconds on the network's clock.
        """
        ...

    def receive(self, data: bytes, source: Address) -> None:
        """Take a datagram."""
        ...

    def expire(self) -> None:
        """Do what is due."""
        ...


@dataclass(slots=True)
class Weather:
    """What happens to datagrams.

    Units: ``loss`` and ``repeats`` probabilities of each datagram, ``delay`` the longest way in seconds; two datagrams
    overtake each other as it falls.
    """

    loss: float = 0.0
    repeats: float = 0.0
    delay: float = 0.0


class MemoryNetwork:
    """Carries datagrams between the endpoints of its addresses."""

    def __init__(self, clock: ManualClock, random: Random, weather: Weather | None = None) -> None:
        self.clock = clock
        self.weather = weather or Weather()
        self.endpoints: dict[Address, Endpoint] = {}
        self.carried = self.lost = self.repeated = 0
        self._random = random
        self._under_way: list[tuple[float, int, bytes, Address, Address]] = []
        self._serial = count()

    def send(self, data: bytes, source: Address, to: Address) -> None:
        """Take a datagram over; whether it arrives is a matter of luck."""
        copies = 1
        if self._random.random() < self.weather.loss:
            self.lost += 1
            copies = 0
        elif self._random.random() < self.weather.repeats:
            self.repeated += 1
            copies = 2
        for _ in range(copies):
            at = self.clock.monotonic() + self._random.random() * self.weather.delay
            heapq.heappush(self._under_way, (at, next(self._serial), data, source, to))

    def run(self, seconds: float) -> None:
        """Let time pass: datagrams arrive and deadlines come, each at its own moment."""
        end = self.clock.monotonic() + seconds
        while (at := min(self._next_arrival(), self._next_deadline())) <= end:
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            self._deliver()
            for endpoint in self.endpoints.values():
                if endpoint.next_due <= self.clock.monotonic():
                    endpoint.expire()
        self.clock.advance(max(0.0, end - self.clock.monotonic()))

    def statistics(self) -> Mapping[str, int]:
        """Return what was carried, lost and repeated."""
        return {"carried": self.carried, "lost": self.lost, "repeated": self.repeated}

    def _deliver(self) -> None:
        now = self.clock.monotonic()
        while self._under_way and self._under_way[0][0] <= now:
            _, _, data, source, to = heapq.heappop(self._under_way)
            endpoint = self.endpoints.get(to)
            if endpoint is not None:
                self.carried += 1
                endpoint.receive(data, source)

    def _next_arrival(self) -> float:
        return self._under_way[0][0] if self._under_way else float("inf")

    def _next_deadline(self) -> float:
        return min((endpoint.next_due for endpoint in self.endpoints.values()), default=float("inf"))
