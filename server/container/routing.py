"""Where a request goes that leaves the last application: registered phone, outbound proxy, or servers of its URI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from server.container.addresses import Addresses
from server.container.forwarding import uri_of
from server.container.outbound import instance_of
from server.container.records import Binding
from server.errors import TransportError
from server.servlet.errors import NotRoutableError
from server.sip.message import Request
from server.sip.uri import SipUri, parse_uri
from server.transport.flow import UNRESOLVED, Flow, Transport
from server.transport.locate import numeric, transport_of
from server.transport.locator import Locator


class Hop(NamedTuple):
    """The next hop: the Request-URI and the Routes to write, the flow to use, and those to use when it fails."""

    uri: str
    flow: Flow
    others: tuple[Flow, ...] = ()
    routes: tuple[str, ...] = ()


class Locations(Protocol):
    """The registrar's answer."""

    def bindings(self, address_of_record: str) -> list[Binding]:
        """Return the live bindings, the newest first."""
        ...


class Routing:
    """Knows who is registered, the outbound proxy, and the way to everybody else."""

    def __init__(
        self,
        locations: Locations,
        addresses: Addresses,
        transports: Mapping[str, Transport],
        locator: Locator,
        outbound_proxy: str,
    ) -> None:
        self.addresses = addresses
        self._locations = locations
        self._transports = transports
        self._locator = locator
        self._proxy = outbound_proxy

    def canonical(self, text: str) -> str:
        """Return the address of record that a URI names: the user at this server, or user and host.

        A sips: address is that of the sip: one (RFC 5630 5.1.2).

        Source: RFC 3261 10.3.
        """
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            return text.lower()
        if self.addresses.is_own(uri):
            return f"sip:{uri.user or ''}@local"
        return "sip:" + uri.address_of_record().partition(":")[2]

    def next_hop(self, text: str) -> Hop:
        """Return the way for a request to a URI.

        Errors: NotRoutableError with the SIP status that says why there is none.
        """
        bindings = self._locations.bindings(self.canonical(text))
        uri = parse_uri(text)
        if bindings:
            return self._bound(text, bindings, secure=uri.scheme == "sips")
        if self._proxy and (uri.scheme != "sips" or self._proxy.lower().startswith("sips:")):
            return Hop(text, *way(self.flows_to(self._proxy)))
        if isinstance(uri, SipUri) and self.addresses.is_own(uri):
            raise NotRoutableError(404, f"{text} is not registered here")
        return Hop(text, *way(self.flows_to(text)))

    def bound_hop(self, text: str, flows: tuple[Flow, ...]) -> Hop:
        """Return the way to a phone over the flows that it registered over.

        Errors: NotRoutableError when all connections are closed (RFC 5626 5.3).
        """
        open_ones = [flow for flow in flows if self._is_open(flow)]
        if not open_ones:
            raise NotRoutableError(430, f"{text}: the connection it registered over is closed")
        return Hop(text, open_ones[0], tuple(open_ones[1:]))

    def _bound(self, text: str, bindings: list[Binding], *, secure: bool) -> Hop:
        """Return the way to the newest contact that can be reached, and the other flows of that phone (RFC 5626 5.3).

        A sips: request needs a secure flow.

        Source: RFC 3327 5.4; RFC 5626 5.3 (430), RFC 5630 5.3 (480).
        """
        newest = bindings[0]
        if newest.path:
            return Hop(newest.uri, *way(self.flows_to(uri_of(newest.path[0]))), newest.path)
        allowed = [binding for binding in bindings if binding.flow.secure or not secure]
        if not allowed:
            raise NotRoutableError(480, f"{text} is not registered over TLS")
        open_ones = [binding for binding in allowed if self._is_open(binding.flow)]
        if open_ones:
            chosen = open_ones[0]
            others = [b.flow for b in open_ones[1:] if b.flow_id and _same_phone(b, chosen)]
            return Hop(chosen.uri, chosen.flow, tuple(others))
        raise NotRoutableError(430, f"{text}: the connection it registered over is closed")

    def flows_to(self, text: str) -> tuple[Flow, ...]:
        """Return the flows to the servers of a URI, in the order to try them; one unresolved flow if DNS must be asked.

        Errors: NotRoutableError for a scheme or transport that this server cannot use, and where nothing is reached.
        """
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            raise NotRoutableError(416, f"{text}: only sip: and sips: addresses can be called")
        transport = transport_of(uri)
        if uri.scheme == "sips" and transport not in self._locator.served.transports:
            raise NotRoutableError(416, f"{text}: there is no TLS here")
        if transport not in self._locator.served.transports:
            raise NotRoutableError(501, f"{text}: there is no transport {transport} here")
        flows = self._locator.known(uri)
        if flows is None or (not flows and numeric(uri.params.get("maddr") or uri.host) is None):
            return (Flow(UNRESOLVED, "", 0, text, 0),)
        if not flows:
            raise NotRoutableError(502, f"{uri.host}: no address of its family is listened on")
        return flows

    def dialog_flows(self, text: str, last: Flow) -> tuple[Flow, ...]:
        """Return the flows for a request inside a dialog whose route or target is ``text`` and that ran over ``last``.

        A stream is used on while it is open; a datagram follows the dialog. A target that cannot be reached by its name
        (browsers give themselves one that nobody has, RFC 7118 5) leaves the flow that is known.
        """
        if last.transport == "LOCAL":
            return (last,)
        try:
            flows = self.flows_to(text)
        except (NotRoutableError, ValueError):
            return (last,)
        insecure = text.lower().startswith("sips:") and not last.secure
        if last.transport == "UDP" or insecure or not self._is_open(last):
            return flows
        return (last, *(flow for flow in flows if flow != last))

    def _is_open(self, flow: Flow) -> bool:
        transport = self._transports.get(flow.transport)
        return transport is not None and transport.is_open(flow)

    def readdress(self, request: Request, flow: Flow, branch: str) -> Request:
        """Return a request of ours as it is sent over another flow."""
        return self.addresses.readdressed(request, flow, branch)

    def stream_instead(self, flow: Flow) -> Flow | None:
        """Return the TCP flow to the same address, None when there is no TCP here."""
        try:
            return self._transports["TCP"].flow_to(flow.remote_host, flow.remote_port)
        except (KeyError, TransportError):
            return None

    def failed(self, flow: Flow) -> None:
        """Have a server that failed tried last for a while."""
        self._locator.failed(flow)

    def look_up(self, uri: str, then: Callable[[tuple[Flow, ...]], None]) -> None:
        """Have ``then`` called with the flows to the servers of a URI."""
        parsed = parse_uri(uri)
        assert isinstance(parsed, SipUri)
        self._locator.look_up(parsed, then)


def _same_phone(one: Binding, other: Binding) -> bool:
    return instance_of(one.flow_id) == instance_of(other.flow_id) and one.uri == other.uri


def way(flows: tuple[Flow, ...]) -> tuple[Flow, tuple[Flow, ...]]:
    """Return the flow to use, and those to use when it fails."""
    return flows[0], flows[1:]
