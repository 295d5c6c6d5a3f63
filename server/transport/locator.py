"""The locator: targets of URIs at once where they are known, else by DNS in a greenlet of its own; answers are cached.

A resolver waits for the network and switches; what asks it here is never a turn and never the hub.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from server.errors import TransportError
from server.greenlets import spawn
from server.sip.uri import SipUri
from server.transport.flow import Flow
from server.transport.locate import Records, Served, Target, direct_target, is_served, targets

log = logging.getLogger(__name__)

NEGATIVE_TTL = 30.0
"""Seconds for which it is remembered that there is no such record, or that it could not be had."""

MAX_TTL = 3600.0
AVOID = 30.0
"""Seconds for which a server that failed comes behind the others of its URI."""
PENDING = 1000
"""URIs that are looked up at once; what comes above gets no targets, and the caller 503."""


class Answer(NamedTuple):
    """What a resolver found.

    Units: ``ttl`` seconds.
    """

    records: Records
    ttl: float


class Resolver(Protocol):
    """Asks the network."""

    def query(self, name: str, kind: str) -> Answer:
        """Return the records of a name; none, for ``NEGATIVE_TTL``, where there are none or nobody answers.

        Switches: yes.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocatorStatistics:
    """Counts since the start; ``refused`` URIs were not looked up because too many were."""

    cached: int
    asked: int
    refused: int
    pending: int


class Locator:
    """Finds the flows to the servers of a URI.

    Shape: ``flow_to(target)`` makes a flow or raises TransportError; ``entries`` bounds the cache; ``now`` tells
    monotonic seconds.
    """

    def __init__(
        self,
        resolver: Resolver,
        served: Served,
        flow_to: Callable[[Target], Flow],
        now: Callable[[], float],
        random: Callable[[], float],
        entries: int,
    ) -> None:
        self._resolver = resolver
        self.served = served
        self._flow_to = flow_to
        self._now = now
        self._random = random
        self._entries = entries
        self._cache: OrderedDict[tuple[str, str], tuple[float, Records]] = OrderedDict()
        self._waiting: dict[SipUri, list[Callable[[tuple[Flow, ...]], None]]] = {}
        self._failed: dict[tuple[str, str, int], float] = {}
        self._asked = self._refused = 0

    def statistics(self) -> LocatorStatistics:
        """Return the present counts."""
        return LocatorStatistics(len(self._cache), self._asked, self._refused, len(self._waiting))

    def known(self, uri: SipUri) -> tuple[Flow, ...] | None:
        """Return the flows to try, in order, None when DNS must be asked first."""
        direct = direct_target(uri)
        if direct is not None:
            return self._flows_of([direct] if is_served(direct, self.served) else [])
        missing: list[str] = []

        def query(name: str, kind: str) -> Records:
            found = self._cached(name, kind)
            if found is None:
                missing.append(name)
                return ()
            return found

        flows = self._flows(uri, query)
        return None if missing else flows

    def failed(self, flow: Flow) -> None:
        """Take notice of a server that failed: for a while it is tried last."""
        now = self._now()
        if len(self._failed) >= self._entries:
            self._failed = {key: until for key, until in self._failed.items() if until > now}
        if len(self._failed) < self._entries:
            self._failed[_server(flow)] = now + AVOID

    def look_up(self, uri: SipUri, then: Callable[[tuple[Flow, ...]], None]) -> None:
        """Ask DNS and hand the flows to ``then``, in another greenlet; several who ask for one URI share the answer."""
        waiting = self._waiting.get(uri)
        if waiting is not None:
            waiting.append(then)
            return
        if len(self._waiting) >= PENDING:
            self._refused += 1
            then(())
            return
        self._waiting[uri] = [then]
        spawn("locate", self._look_up, uri)

    def _look_up(self, uri: SipUri) -> None:
        flows: tuple[Flow, ...] = ()
        try:
            flows = self._flows(uri, self._query)
        except Exception:
            log.exception("the servers of %s could not be looked up", uri)
        finally:
            for then in self._waiting.pop(uri):
                then(flows)

    def _flows(self, uri: SipUri, query: Callable[[str, str], Records]) -> tuple[Flow, ...]:
        return self._flows_of(targets(uri, query, self.served, self._random))

    def _flows_of(self, servers: list[Target]) -> tuple[Flow, ...]:
        found = []
        for target in servers:
            try:
                found.append(self._flow_to(target))
            except TransportError as error:
                log.info("%s is passed over: %s", target, error)
        if self._failed and len(found) > 1:
            now, until = self._now(), self._failed.get
            found.sort(key=lambda flow: until(_server(flow), now) > now)
        return tuple(found)

    def _cached(self, name: str, kind: str) -> Records | None:
        found = self._cache.get((name, kind))
        return None if found is None or found[0] <= self._now() else found[1]

    def _query(self, name: str, kind: str) -> Records:
        found = self._cached(name, kind)
        if found is not None:
            return found
        self._asked += 1
        answer = self._resolver.query(name, kind)
        self._cache[name, kind] = self._now() + min(answer.ttl, MAX_TTL), answer.records
        self._cache.move_to_end((name, kind))
        while len(self._cache) > self._entries:
            self._cache.popitem(last=False)
        return answer.records


def _server(flow: Flow) -> tuple[str, str, int]:
    return flow.transport, flow.remote_host, flow.remote_port
