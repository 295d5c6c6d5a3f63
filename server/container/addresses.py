"""What this server writes of its own addresses: Via, Contact, and which of others' URIs are its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from server.sip.headers import NameAddr
from server.sip.ids import key_of_token
from server.sip.message import Request
from server.sip.uri import SipUri, parse_uri
from server.transport.flow import UNRESOLVED, Flow
from server.transport.listeners import is_local
from server.transport.locate import numeric, transport_of
from server.transport.pktinfo import WILDCARDS

Local = tuple[str, str, int]
"""Transport, host and port that are listened on."""

CONTACT_PARAMS = {"TCP": ";transport=tcp", "TLS": ";transport=tls", "WS": ";transport=ws", "WSS": ";transport=ws"}
"""Transport -> what a Contact there says of it; a sips: one needs it for WebSocket only (RFC 5630 3.1.4)."""


class Written(NamedTuple):
    """What is written of one address.

    Shape: ``via`` stands around the branch, ``contact`` behind the user of a sip: URI, ``secure`` of a sips: one.
    """

    via: tuple[str, str]
    contact: str
    secure: str


class Addresses:
    """The addresses that the server listens on, and as what others see them.

    Shape: ``advertised`` maps what is listened on to host and port, an IPv6 host in brackets; the first of a transport
    is the one to fall back on. ``domains`` are the names that are ours.
    """

    def __init__(self, advertised: Mapping[Local, tuple[str, int]], domains: Iterable[str] = ()) -> None:
        self._advertised = advertised
        self._first: dict[str, tuple[str, int]] = {}
        for (transport, _, _), address in advertised.items():
            self._first.setdefault(transport, address)
        self._own = frozenset({*advertised.values(), *((_bracketed(host), port) for _, host, port in advertised)})
        self._texts = {key: _written(key[0], *address) for key, address in advertised.items()}
        # Between two applications of the chain: written as TCP, since nothing is lost there, but for nobody outside.
        here = "{}:{}".format(*self._first["UDP"])
        self._texts["LOCAL", "", 0] = Written((f"SIP/2.0/TCP {here};branch=", ""), f"@{here}", "")
        self._any = frozenset(port for _, host, port in advertised if host in WILDCARDS)
        self._domains = frozenset(domain.lower() for domain in domains)
        self._hosts = frozenset(host for host, _ in self._own)

    def is_own(self, uri: SipUri) -> bool:
        """Say whether the host of the URI is this server."""
        address = numeric(uri.host)
        host = _bracketed(address or uri.host.lower())
        if host in self._domains or ((host, uri.port) in self._own if uri.port else host in self._hosts):
            return True
        return bool(address and self._any and (uri.port is None or uri.port in self._any) and is_local(address))

    def first(self, transport: str) -> tuple[str, int]:
        """Return the first advertised address of a transport."""
        return self._first[transport]

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        """Return host and port that a message over the flow gives as its sender's."""
        transport, host, port = flow.transport, flow.local_host, flow.local_port
        known = self._advertised.get((transport, host, port))
        if known is None and (transport, "::" if ":" in host else "0.0.0.0", port) in self._advertised:
            known = _bracketed(host), port  # one of the addresses of a socket that is bound to all
        return known or self._first.get(self.transport(flow)) or self._first["UDP"]

    def transport(self, flow: Flow) -> str:
        """Return the transport of a flow as a Via names it; a request to an unresolved target is written anew later."""
        if flow.transport == UNRESOLVED:
            uri = parse_uri(flow.remote_host)
            wanted = transport_of(uri) if isinstance(uri, SipUri) else "UDP"
            return wanted if wanted in self._first else "UDP"
        return flow.transport

    def via(self, flow: Flow, branch: str) -> str:
        """Return our Via for a flow."""
        before, behind = self._written(flow).via
        return f"{before}{branch}{behind}"

    def contact(self, user: str, flow: Flow, *, secure: bool) -> str:
        """Return our Contact for a flow; ``secure`` asks for a sips: one, which only a secure transport can be."""
        written = self._written(flow)
        return f"<sips:{user}{written.secure}>" if secure and written.secure else f"<sip:{user}{written.contact}>"

    def _written(self, flow: Flow) -> Written:
        key = (flow.transport, flow.local_host, flow.local_port)
        return self._texts.get(key) or _written(self.transport(flow), *self.sent_by(flow))

    def record_routes(self, token: str, inbound: Flow, outbound: Flow, *, secure: bool) -> tuple[str, ...]:
        """Return our Record-Route entries: the one for what comes from outbound first; one if they are the same.

        Source: RFC 3261 16.6 step 4; RFC 5658 5.
        """
        flows = [flow for flow in (outbound, inbound) if flow.transport not in {"LOCAL", UNRESOLVED}]
        entries = [self._record_route(token, flow, secure=secure) for flow in flows or [outbound]]
        return tuple(dict.fromkeys(entries))

    def readdressed(self, request: Request, flow: Flow, branch: str) -> Request:
        """Return a request of ours as it is sent over another flow: with another Via, Contact and Record-Route.

        Contact and Record-Route change only if they are ours. UDP and TCP are the same address, so what only changes
        between them keeps its Contact.
        """
        same = {request.via.transport, flow.transport} <= {"UDP", "TCP"}
        request = self._with_record_routes(request.with_first("Via", self.via(flow, branch)), flow)
        contacts = request.contacts
        if same or len(contacts) != 1:
            return request
        uri = contacts[0].parsed_uri
        if not isinstance(uri, SipUri) or not self.is_own(uri):
            return request
        return request.with_header("Contact", self.contact(uri.user or "", flow, secure=uri.scheme == "sips"))

    def _record_route(self, token: str, flow: Flow, *, secure: bool) -> str:
        return f"{self.contact(token, flow, secure=secure)[:-1]};lr>"

    def _with_record_routes(self, request: Request, flow: Flow) -> Request:
        """Give our entries, which stand first, the outbound side of another flow."""
        entries = request.record_routes
        token = self._token(entries[0]) if entries else ""
        if not token:
            return request
        ours = 2 if len(entries) > 1 and self._token(entries[1]) == token else 1
        inbound = str(entries[ours - 1])
        outbound = self._record_route(token, flow, secure=entries[0].uri.startswith("sips:"))
        values = dict.fromkeys((outbound, inbound))
        return request.with_header("Record-Route", ", ".join((*values, *map(str, entries[ours:]))))

    def _token(self, entry: NameAddr) -> str:
        """Return the token of a Record-Route of ours, empty for somebody else's."""
        uri = entry.parsed_uri
        ours = isinstance(uri, SipUri) and key_of_token(uri.user or "") and self.is_own(uri)
        return uri.user or "" if ours and isinstance(uri, SipUri) else ""


def _written(transport: str, host: str, port: int) -> Written:
    rport = ";rport" if transport == "UDP" else ""
    at = f"@{host}:{port}"
    secure = {"TLS": at, "WSS": f"{at};transport=ws"}.get(transport, "")
    via = (f"SIP/2.0/{transport} {host}:{port};branch=", rport)
    return Written(via, at + CONTACT_PARAMS.get(transport, ""), secure)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
