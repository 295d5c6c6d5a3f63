"""A node: one engine process with its transports, container and HTTP listener; started and stopped in order."""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.clock import Clock, SystemClock
from server.config import Address, ServerConfig
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
from server.sip.ids import Ids
from server.sip.timers import TimerSettings
from server.sip.uri import SipUri, parse_uri
from server.state.memory import MemoryStore
from server.transport.flow import Flow
from server.transport.tcp import TcpTransport
from server.transport.udp import UdpTransport

log = logging.getLogger(__name__)

FREE_PORT_ATTEMPTS = 20

GC_THRESHOLD = 50_000
"""Allocations between two young collections; everything made before the start is frozen (short pauses decide p99)."""


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """What the node counts."""

    engine: EngineStatistics
    servlet_errors: int


class Node:
    """One engine process.

    Errors: ConfigError from ``__init__`` for settings and applications that cannot be used.
    """

    def __init__(
        self, config: ServerConfig, applications: Sequence[str], *, demo: bool = False, clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        self._demo = demo
        sip = _address("sip.listen", config.sip.listen)
        http = _address("http.listen", config.http.listen) if config.http.listen else None
        _check_proxy(config.sip.outbound_proxy)
        secret = os.urandom(32)
        self._transports: dict[str, Sender] = {}
        store = MemoryStore(clock, clock.wall(), max_state_bytes=config.engine.call_state_bytes)
        self._dispatch = Dispatch(secret, self._canonical)
        timers = TimerSettings(config.sip.t1, config.sip.t2, config.sip.t4)
        self.engine = Engine(store, clock, config.engine, timers, self._dispatch, self._transports)
        engine = self.engine
        self.udp, self.tcp = _bind(sip, engine)
        try:
            self._transports.update(UDP=self.udp, TCP=self.tcp)
            addresses = {name: _advertised(t.local) for name, t in (("UDP", self.udp), ("TCP", self.tcp))}
            addresses["LOCAL"] = addresses["UDP"]
            own = frozenset({*addresses.values(), self.udp.local})
            registrar = ContainerRegistrar(store, self._dispatch, self._canonical, config.registrar)
            self._routing = Routing(registrar, self._flow_to, own, config.sip.outbound_proxy)
            ids = Ids(os.urandom)
            keys = SessionKeys(secret)
            self.container = Container(engine, ids, self._routing, registrar, addresses, keys.encode_url)
            host, port = addresses["UDP"]
            surroundings = {"demo": demo, "sip_address": f"{host}:{port}"}
            paths = self.container.deploy(applications, config.apps, surroundings)
            servlets = {
                path: (servlet, ContainerFactory(self.container, app)) for path, (app, servlet) in paths.items()
            }
            self.http = HttpListener(http.host, http.port, WsgiApplication(servlets, keys)) if http else None
        except BaseException:
            self.udp.stop(0)
            self.tcp.stop(0)
            raise

    def start(self) -> None:
        """Take messages and requests."""
        self.tcp.start()
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
        self.tcp.stop(timeout)
        self.udp.stop(timeout)
        gc.unfreeze()

    def bound(self) -> Mapping[str, str]:
        """Return what is listened on: ``sip-udp``, ``sip-tcp``, ``http`` -> ``HOST:PORT``."""
        bound = {"sip-udp": self.udp.local, "sip-tcp": self.tcp.local}
        if self.http is not None:
            bound["http"] = self.http.local
        return {name: f"{host}:{port}" for name, (host, port) in bound.items()}

    def statistics(self) -> NodeStatistics:
        """Return the present counts."""
        return NodeStatistics(self.engine.statistics(), self.container.servlet_errors)

    def _canonical(self, text: str) -> str:
        return self._routing.canonical(text)

    def _flow_to(self, transport: str, host: str, port: int) -> Flow:
        return (self.udp if transport == "UDP" else self.tcp).flow_to(host, port)


def _bind(address: Address, engine: Engine) -> tuple[UdpTransport, TcpTransport]:
    """Bind UDP and TCP to one port; for port 0 the free UDP port may be taken for TCP, so it is tried again.

    Errors: OSError.
    """
    attempts = 1 if address.port else FREE_PORT_ATTEMPTS
    while True:
        attempts -= 1
        udp = UdpTransport(address.host, address.port, engine.on_datagram)
        udp.start()
        try:
            port = udp.local[1]
            return udp, TcpTransport(address.host, port, engine.on_datagram, engine.on_malformed, engine.on_failure)
        except OSError:
            udp.stop(0)
            if not attempts:
                raise


def _address(key: str, text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise ConfigError([f"{key}: {error}"]) from error


def _check_proxy(text: str) -> None:
    if not text:
        return
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise ConfigError([f"sip.outbound_proxy: {error}"]) from error
    if not isinstance(uri, SipUri):
        raise ConfigError([f"sip.outbound_proxy: {text!r} is not sip:HOST:PORT"])


def _advertised(local: tuple[str, int]) -> tuple[str, int]:
    """Return the address to write into Via and Contact: the bound one, or, bound to all, this machine's."""
    host, port = local
    if host not in {"0.0.0.0", "::"}:
        return local
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0], port
        except OSError:
            return "127.0.0.1", port
