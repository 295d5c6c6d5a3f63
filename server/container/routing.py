"""Where a request goes that leaves the last application: registered phone, outbound proxy, or the host of its URI."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from server.container.records import Binding
from server.servlet.errors import NotRoutableError
from server.sip.uri import SipUri, parse_uri
from server.transport.flow import Flow


class Hop(NamedTuple):
    """The next hop: the Request-URI to write and the flow to use."""

    uri: str
    flow: Flow


class Locations(Protocol):
    """The registrar's answer."""

    def bindings(self, address_of_record: str) -> list[Binding]:
        """Return the live bindings, the newest first."""
        ...


FlowTo = Callable[[str, str, int], Flow]


class Routing:
    """Knows this server's own addresses, who is registered, and the outbound proxy.

    Shape: ``flow_to(transport, host, port)`` makes flows; ``own`` are the (host, port) pairs that we listen on.
    """

    def __init__(
        self, locations: Locations, flow_to: FlowTo, own: frozenset[tuple[str, int]], outbound_proxy: str
    ) -> None:
        self._locations = locations
        self._flow_to = flow_to
        self._own = own
        self._hosts = frozenset(host for host, _ in own)
        self._proxy = outbound_proxy

    def canonical(self, text: str) -> str:
        """Return the address of record that a URI names: the user at this server, or user and host.

        Source: RFC 3261 10.3.
        """
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            return text.lower()
        return f"sip:{uri.user or ''}@local" if self.is_own(uri) else uri.address_of_record()

    def is_own(self, uri: SipUri) -> bool:
        """Say whether the host of the URI is this server."""
        host = "127.0.0.1" if uri.host.lower() == "localhost" else uri.host
        return (host, uri.port) in self._own if uri.port else host in self._hosts

    def next_hop(self, text: str) -> Hop:
        """Return the way for a request to a URI.

        Errors: NotRoutableError with the SIP status that says why there is none.
        """
        bindings = self._locations.bindings(self.canonical(text))
        if bindings:
            return Hop(bindings[0].uri, bindings[0].flow)
        if self._proxy:
            return Hop(text, self.address_of(self._proxy))
        uri = parse_uri(text)
        if isinstance(uri, SipUri) and self.is_own(uri):
            raise NotRoutableError(404, f"{text} is not registered here")
        return Hop(text, self.address_of(text))

    def address_of(self, text: str) -> Flow:
        """Return the flow to the host that a URI names.

        Errors: NotRoutableError for a scheme, a transport or a host name that this server cannot reach.
        Source: RFC 3263 4.1, 4.2, for numeric hosts.
        """
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            raise NotRoutableError(416, f"{text}: only sip: addresses can be called")
        if uri.scheme == "sips":
            raise NotRoutableError(416, f"{text}: there is no TLS here")
        host = "127.0.0.1" if uri.host.lower() == "localhost" else uri.host
        try:
            ip_address(host.strip("[]"))
        except ValueError:
            raise NotRoutableError(502, f"{uri.host}: host names are not looked up; give a numeric address") from None
        transport = str(uri.params.get("transport") or "udp").upper()
        if transport not in {"UDP", "TCP"}:
            raise NotRoutableError(501, f"{text}: there is no transport {transport} here")
        return self._flow_to(transport, host.strip("[]"), uri.port or 5060)
