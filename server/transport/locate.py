"""Where a URI leads: transport, address and port of the servers to try, in order (RFC 3263, RFC 2782, RFC 7984).

The procedure asks for records and knows no network: asked with what the cache holds it gives the targets at once or
says that something is missing; asked with a resolver it waits. An answer that cannot be had counts as none.

Source: RFC 3263 4.1, 4.2; RFC 7118 5.2 (no server opens a WebSocket).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from itertools import groupby
from typing import NamedTuple

from server.sip.uri import SipUri
from server.transport.flow import DEFAULT_PORTS

MAX_TARGETS = 16
"""Targets of one URI that are tried at most; DNS is the choice of strangers."""

SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
"""NAPTR services -> transport."""

PREFIXES = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
"""Transport -> what stands before the domain in the name of its SRV records."""


class Naptr(NamedTuple):
    """A NAPTR record that ends in SRV records (flag ``s``)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record."""

    priority: int
    weight: int
    port: int
    target: str


Records = Sequence[Naptr] | Sequence[Srv] | Sequence[str]
Query = Callable[[str, str], Records]
"""``query(name, kind)``; ``kind`` is ``NAPTR``, ``SRV``, ``A`` or ``AAAA``. Empty where there is none."""


class Target(NamedTuple):
    """A server to try; ``name`` is the one that a certificate must bear (RFC 5922 4)."""

    transport: str
    host: str
    port: int
    name: str


class Served(NamedTuple):
    """What can be reached from here: transports, and kinds of address records in the order to try them."""

    transports: frozenset[str]
    addresses: tuple[str, ...]


def transport_of(uri: SipUri) -> str:
    """Return the transport that a URI asks for by itself; ``UDP`` (``TLS`` for sips:) when it leaves it open.

    Source: RFC 3263 4.1; RFC 5630 3.1.4 (sips: with transport=tcp is TLS).
    """
    asked = (uri.params.get("transport") or "").upper()
    if uri.scheme == "sips" or asked == "TLS":
        return "WSS" if asked in {"WS", "WSS"} else "TLS"
    return asked or "UDP"


@lru_cache(maxsize=2048)
def numeric(host: str) -> str | None:
    """Return an address in its one spelling, without brackets; None for a name."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return None


def targets(uri: SipUri, query: Query, served: Served, random: Callable[[], float]) -> list[Target]:
    """Return the servers of a URI in the order to try them, none when there are none that can be reached from here.

    Units: ``random()`` is in [0, 1).
    Errors: whatever ``query`` raises.
    """
    direct = direct_target(uri)
    found = [direct] if direct is not None else list(_named(uri, query, served, random))
    return [target for target in found if is_served(target, served)][:MAX_TARGETS]


def direct_target(uri: SipUri) -> Target | None:
    """Return the server of a URI that names it by its address, None when DNS must say."""
    address = numeric(uri.params.get("maddr") or uri.host)
    if address is None:
        return None
    transport = transport_of(uri)
    return Target(transport, address, uri.port or DEFAULT_PORTS.get(transport, 5060), uri.host.strip("[]").lower())


def is_served(target: Target, served: Served) -> bool:
    """Say whether a server can be reached from here."""
    return target.transport in served.transports and ("AAAA" if ":" in target.host else "A") in served.addresses


def _named(uri: SipUri, query: Query, served: Served, random: Callable[[], float]) -> Iterable[Target]:
    host = (uri.params.get("maddr") or uri.host).rstrip(".").lower()
    if host.endswith(".invalid"):
        return  # nobody's name (RFC 6761 6.4): that of a browser, which is reached over its own connection
    transport, name = transport_of(uri), uri.host.rstrip(".").lower()
    if uri.port is not None:
        yield from _addresses(transport, host, uri.port, name, query, served)
        return
    found = False
    for service, domain in _services(uri, host, transport, query, served):
        for server in _ordered([r for r in query(domain, "SRV") if isinstance(r, Srv)], random):
            found = True
            if server.target not in {"", "."}:
                yield from _addresses(service, server.target, server.port, name, query, served)
    if not found:
        port = DEFAULT_PORTS.get(transport, 5060)
        yield from _addresses(transport, host, port, name, query, served)


def _services(uri: SipUri, host: str, transport: str, query: Query, served: Served) -> Iterable[tuple[str, str]]:
    """Return transports and the names of their SRV records, in order."""
    if "transport" in uri.params:
        possible = [transport]
    else:
        possible = ["TLS"] if uri.scheme == "sips" else ["UDP", "TCP", "TLS"]
        found = [
            (SERVICES[record.service.upper()], record.replacement)
            for record in sorted(r for r in query(host, "NAPTR") if isinstance(r, Naptr))
            if record.flags.lower() == "s" and record.service.upper() in SERVICES
        ]
        chosen = [(service, name) for service, name in found if service in possible and service in served.transports]
        if chosen:
            return chosen
    return [(name, PREFIXES[name] + host) for name in possible if name in PREFIXES and name in served.transports]


def _addresses(transport: str, host: str, port: int, name: str, query: Query, served: Served) -> Iterable[Target]:
    for kind in served.addresses:
        for address in query(host, kind):
            yield Target(transport, str(address), port, name)


def _ordered(records: list[Srv], random: Callable[[], float]) -> Iterable[Srv]:
    """Return SRV records by priority and, within one, at random by weight (RFC 2782)."""
    for _, group in groupby(sorted(records), key=lambda record: record.priority):
        left = list(group)
        while left:
            at = random() * sum(record.weight for record in left)
            chosen = next((r for r in left if (at := at - r.weight) < 0), left[-1])
            left.remove(chosen)
            yield chosen
