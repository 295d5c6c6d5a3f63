"""A node: one engine process with its transports, container and HTTP listener; started and stopped in order."""

from __future__ import annotations

import gc
import logging
import os
import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from server.clock import Clock, SystemClock
from server.config import Address, ServerConfig, parse_addresses
from server.container.addresses import Addresses, Local
from server.container.authenticator import Authenticator, parse_users
from server.container.challenged import parse_accounts
from server.container.container import Container
from server.container.factory import ContainerFactory
from server.container.registrar import ContainerRegistrar
from server.container.routing import Routing
from server.engine.dispatch import Dispatch
from server.engine.engine import Engine, EngineStatistics
from server.engine.outbound import Sender
from server.errors import ConfigError
from server.http.listener import HttpListener
from server.http.session_key import SessionKeys
from server.http.wsgi import WsgiApplication
from server.sip.auth import Realm
from server.sip.ids import Ids
from server.sip.timers import TimerSettings
from server.sip.uri import SipUri, parse_uri
from server.state.memory import MemoryStore
from server.transport.binding import Bound, bind, naming
from server.transport.dns import DnsResolver
from server.transport.flow import Transport, format_address
from server.transport.listeners import Listeners
from server.transport.locate import Served
from server.transport.locator import Locator, LocatorStatistics, Resolver
from server.transport.trust import Trust

log = logging.getLogger(__name__)

FLOW_TIMER_SHARE = 0.9
"""Of the time after which an idle connection is closed, what phones are told (RFC 5626 5.4)."""

PROBES = {"0.0.0.0": ("192.0.2.1", 9), "::": ("2001:db8::1", 9)}
"""All addresses of a family -> one far away; what this machine would send to it from is its own."""

GC_THRESHOLD = 50_000
"""Allocations between two young collections; everything made before the start is frozen (short pauses decide p99)."""


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """What the node counts.

    Shape: ``transports`` has the statistics of each socket by the name that ``Node.bound`` gives it.
    """

    engine: EngineStatistics
    servlet_errors: int
    abandoned_calls: int
    locator: LocatorStatistics
    transports: Mapping[str, object]


class Node:
    """One engine process.

    Errors: ConfigError from ``__init__`` for settings and applications that cannot be used.
    """

    def __init__(
        self,
        config: ServerConfig,
        applications: Sequence[str],
        *,
        demo: bool = False,
        clock: Clock | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._demo = demo
        http = next(iter(parse_addresses("http.listen", config.http.listen)), None)
        _check_proxy(config.sip.outbound_proxy)
        secret = os.urandom(32)
        senders: dict[str, Sender] = {}
        store = MemoryStore(clock, clock.wall(), max_state_bytes=config.engine.call_state_bytes)
        self._dispatch = Dispatch(secret, self._canonical)
        timers = TimerSettings(config.sip.t1, config.sip.t2, config.sip.t4)
        limits, trust = asdict(config.work), Trust(config.sip.trusted)
        self.engine = Engine(store, clock, config.engine, timers, self._dispatch, senders, limits, trust)
        self._sockets = bind(config, self.engine)
        try:
            transports = {name: _as_one(found) for name, found in self._sockets.by_transport.items()}
            senders.update(transports)
            self.locator = Locator(
                resolver or DnsResolver(config.dns.servers, config.dns.timeout),
                _served(self._sockets),
                lambda target: transports[target.transport].flow_to(target.host, target.port, target.name),
                clock.monotonic,
                random.random,
                config.dns.cache_entries,
            )
            addresses = Addresses({key: _advertised(*key[1:]) for key in self._locals()}, config.sip.domains)
            realm = Realm(config.registrar.realm, os.urandom(32))
            users = parse_users(config.registrar.users)
            registrar = ContainerRegistrar(
                store,
                self._dispatch,
                self._canonical,
                config.registrar,
                Authenticator(realm, users, os.urandom, store.now),
                clock.wall,
                flow_timer=_flow_timer(config),
                is_strict=bool(config.sip.domains),
            )
            self._routing = Routing(registrar, addresses, transports, self.locator, config.sip.outbound_proxy)
            keys = SessionKeys(secret)
            self.container = Container(
                self.engine,
                Ids(os.urandom),
                self._routing,
                registrar,
                keys.encode_url,
                parse_accounts(config.sip.accounts),
            )
            host, port = addresses.first("UDP")
            surroundings = {"demo": demo, "sip_address": f"{host}:{port}"}
            paths = self.container.deploy(applications, config.apps, surroundings)
            servlets = {
                path: (servlet, ContainerFactory(self.container, app)) for path, (app, servlet) in paths.items()
            }
            work_classes = {path: self.engine.work_classes.of(app) for path, (app, _) in paths.items()}
            self.http = None if http is None else _listen(http, WsgiApplication(servlets, keys, work_classes))
        except BaseException:
            for transport in self._sockets.all():
                transport.stop(0)
            raise

    @property
    def udp(self) -> Transport:
        """The first UDP socket."""
        return self._sockets.by_transport["UDP"][0]

    @property
    def tcp(self) -> Transport:
        """The first TCP listener."""
        return self._sockets.by_transport["TCP"][0]

    def start(self) -> None:
        """Take messages and requests."""
        for transport in self._sockets.streams():
            transport.start()
        if self.http is not None:
            self.http.start()
        self.engine.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 100)

    def stop(self, timeout: float = 2.0) -> None:
        """Take nothing more, let the turns end that have begun, close.

        Switches: yes.
        """
        if self.http is not None:
            self.http.stop(timeout)
        self.engine.stop(timeout)
        for transport in reversed(self._sockets.all()):
            transport.stop(timeout)
        gc.unfreeze()

    def reload_certificates(self) -> None:
        """Read the files of ``[tls]`` again, for connections made from now on; calls and connections go on.

        Errors: ConfigError when a file cannot be used; then everything stays as it was.
        """
        if self._sockets.tls is None:
            return
        with self.engine.work_classes.of("admin").admitted() as admitted:
            if not admitted:
                raise ConfigError(["tls: the node is busy with other orders; try again"])
            self._sockets.tls.reload()

    def bound(self) -> Mapping[str, str]:
        """Return what is listened on: ``sip-udp``, ``sip-tcp``, ``sip-udp-2``, ..., ``http`` -> ``HOST:PORT``."""
        bound = {name: format_address(*transport.local) for name, transport in self._named()}
        if self.http is not None:
            bound["http"] = format_address(*self.http.local)
        return bound

    def statistics(self) -> NodeStatistics:
        """Return the present counts."""
        transports = {name: transport.statistics() for name, transport in self._named()}
        locator = self.locator.statistics()
        container = self.container
        return NodeStatistics(
            self.engine.statistics(), container.servlet_errors, container.abandoned_calls, locator, transports
        )

    def _canonical(self, text: str) -> str:
        return self._routing.canonical(text)

    def _named(self) -> list[tuple[str, Transport]]:
        """Return the sockets, each with its name: ``sip-udp``, ``sip-udp-2``, ..."""
        found = self._sockets.by_transport.items()
        return [
            (f"sip-{name.lower()}" if number == 1 else f"sip-{name.lower()}-{number}", transport)
            for name, transports in found
            for number, transport in enumerate(transports, 1)
        ]

    def _locals(self) -> list[Local]:
        found = self._sockets.by_transport.items()
        return [(name, *transport.local) for name, transports in found for transport in transports]


def _flow_timer(config: ServerConfig) -> int:
    """Return how often a phone must give a sign of life, well before its connection is taken for idle."""
    return int(config.connections.idle_timeout * FLOW_TIMER_SHARE)


def _as_one(transports: Sequence[Transport]) -> Transport:
    return transports[0] if len(transports) == 1 else Listeners(transports)


def _served(bound: Bound) -> Served:
    """Return what can be reached from what is bound; nobody is called over WebSocket."""
    families = dict.fromkeys("AAAA" if ":" in transport.local[0] else "A" for transport in bound.all())
    return Served(frozenset(bound.by_transport) - {"WS", "WSS"}, tuple(families))


def _listen(address: Address, application: WsgiApplication) -> HttpListener:
    """Return the HTTP listener.

    Errors: OSError, which names the address.
    """
    with naming(address):
        return HttpListener(address.host, address.port, application)


def _check_proxy(text: str) -> None:
    if not text:
        return
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise ConfigError([f"sip.outbound_proxy: {error}"]) from error
    if not isinstance(uri, SipUri):
        raise ConfigError([f"sip.outbound_proxy: {text!r} is not sip:HOST:PORT"])


def _advertised(host: str, port: int) -> tuple[str, int]:
    """Return the address to write into Via and Contact: the bound one, or, bound to all, this machine's."""
    if host in PROBES:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(PROBES[host])
                host = probe.getsockname()[0]
            except OSError:
                host = "::1" if ":" in host else "127.0.0.1"
    return f"[{host}]" if ":" in host else host, port
