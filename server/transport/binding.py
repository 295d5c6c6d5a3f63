"""Binds every address of the settings: transport -> its sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from server.config import Address, ServerConfig, parse_addresses
from server.errors import ConfigError
from server.transport.flow import Transport, format_address
from server.transport.receiver import Receiver
from server.transport.stream import StreamTransport
from server.transport.tcp import TcpTransport
from server.transport.tls import Tls, TlsTransport
from server.transport.udp import UdpTransport
from server.transport.websocket import WebSocketTransport

FREE_PORT_ATTEMPTS = 20


class Bound:
    """The sockets of a node; ``tls`` is what secures them, None without TLS."""

    def __init__(self) -> None:
        self.by_transport: dict[str, list[Transport]] = {}
        self.tls: Tls | None = None

    def add(self, name: str, transport: Transport) -> None:
        """Keep a socket."""
        self.by_transport.setdefault(name, []).append(transport)

    def all(self) -> list[Transport]:
        """Return every socket, in the order they were bound."""
        return [transport for found in self.by_transport.values() for transport in found]

    def streams(self) -> list[Transport]:
        """Return those that begin to receive when they are started."""
        return [transport for transport in self.all() if isinstance(transport, StreamTransport)]


def bind(config: ServerConfig, receiver: Receiver) -> Bound:
    """Bind UDP and TCP, and TLS and WebSocket where they are asked for; UDP receives at once, the others when started.

    Errors: ConfigError for settings that cannot be used; OSError when an address cannot be bound, and then none is.
    """
    bound = Bound()
    limits, origins = config.connections, config.websocket.origins
    sip, secure, web, secure_web = (
        parse_addresses("sip.listen", config.sip.listen),
        parse_addresses("tls.listen", config.tls.listen),
        parse_addresses("websocket.listen", config.websocket.listen),
        parse_addresses("websocket.secure_listen", config.websocket.secure_listen),
    )
    if not sip:
        raise ConfigError(["sip.listen: at least one HOST:PORT is needed"])
    if secure or secure_web:
        bound.tls = Tls(config.tls)
    try:
        for address in sip:
            with naming(address):
                _bind_pair(bound, address, receiver, config)
        for address in secure:
            assert bound.tls is not None
            with naming(address):
                bound.add("TLS", TlsTransport(address.host, address.port, receiver, limits, bound.tls))
        for address in web:
            with naming(address):
                bound.add("WS", WebSocketTransport(address.host, address.port, receiver, limits, origins))
        for address in secure_web:
            with naming(address):
                wss = WebSocketTransport(address.host, address.port, receiver, limits, origins, bound.tls)
                bound.add("WSS", wss)
    except BaseException:
        for transport in bound.all():
            transport.stop(0)
        raise
    return bound


@contextmanager
def naming(address: Address) -> Iterator[None]:
    """Have an OSError that comes of an address name it."""
    try:
        yield
    except OSError as error:
        error.filename = format_address(address.host, address.port)
        raise


def _bind_pair(bound: Bound, address: Address, receiver: Receiver, config: ServerConfig) -> None:
    """Bind UDP and TCP to one port; for port 0 the free UDP port may be taken for TCP, so it is tried again.

    Errors: OSError.
    """
    attempts = 1 if address.port else FREE_PORT_ATTEMPTS
    while True:
        attempts -= 1
        udp = UdpTransport(address.host, address.port, receiver.on_datagram, receiver.on_failure)
        udp.start()
        try:
            tcp = TcpTransport(address.host, udp.local[1], receiver, config.connections)
        except OSError:
            udp.stop(0)
            if not attempts:
                raise
            continue
        bound.add("UDP", udp)
        bound.add("TCP", tcp)
        return
