"""What a proxy does to a message on its way, as functions of the message: no state, no network.

A Record-Route entry of ours has the id of a SIP session, its token, as the user part; the call key stands in it. Our
branch in a Via that was forwarded is ``RANDOMlHASH.KEY``: the hash is that of what the application chose the way by.

Source: RFC 3261 16.3, 16.4, 16.6, 16.11, 16.12; RFC 5393 4; RFC 5658 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from server.servlet.errors import NotRoutableError
from server.sip.dialog import request_uri
from server.sip.grammar import split_outside_quotes
from server.sip.headers import Headers, NameAddr, Via, split_line
from server.sip.headers.table import MAX_BREADTH, VIA
from server.sip.identity import is_impossible
from server.sip.ids import MAGIC_COOKIE, key_of_token
from server.sip.message import Request, Response
from server.sip.uri import OtherUri, SipUri, parse_uri
from server.transport.flow import DEFAULT_PORTS, Flow
from server.transport.locate import transport_of

IsOwn = Callable[[SipUri], bool]

DEFAULT_BREADTH = 60
"""Branches that may be pending at once where nobody has said so (RFC 5393 5.3.3)."""

DEFAULT_HOPS = 70

_LOOP = re.compile(r"z9hG4bK[0-9a-f]+l([0-9a-f]{16})(?:-\d+)?\.[0-9a-f]{20}\b")
_REPLACED = frozenset({"route", "max-forwards", "max-breadth"})
"""Headers that are written anew; what begins with another letter need not be compared."""


def routed(request: Request, is_own: IsOwn, flow: Flow) -> tuple[Request, str]:
    """Return the request without the Routes that led here, and the token of the one of ours, empty if there is none.

    Source: RFC 3261 16.4; RFC 5658 5 (both of a double entry are removed).
    """
    if "route" not in request.headers.first and ";" not in request.uri:
        return request, ""
    routes = list(request.routes)
    uri, token = request.request_uri, ""
    if isinstance(uri, SipUri) and "lr" in uri.params and key_of_token(uri.user or "") and is_own(uri):
        # What was before us is a strict router: it put our entry into the Request-URI and the target at the end.
        token = uri.user or ""
        if routes:
            request = request.with_uri(routes.pop().uri)
    elif isinstance(uri, SipUri) and "maddr" in uri.params and _is_addressed(uri, is_own, flow):
        request = request.with_uri(str(_without_address(uri)))
    if routes and _own(routes[0], is_own) and not token:
        user = _user(routes.pop(0))
        token = user if key_of_token(user) else ""
    if token and routes and _own(routes[0], is_own) and _user(routes[0]) == token:
        del routes[0]
    if len(routes) != len(request.routes):
        request = request.with_header("Route", ", ".join(map(str, routes))) if routes else request.without("Route")
    return request, token


def check(request: Request, application: str, is_own: IsOwn, supported: Iterable[str] = ()) -> None:
    """Refuse what may not be forwarded.

    Errors: NotRoutableError with the status of the first rule that is broken.
    Source: RFC 3261 16.3, in its order; RFC 5393 4.2.
    """
    if isinstance(request.request_uri, OtherUri):
        raise NotRoutableError(416, f"{request.uri}: its scheme is not understood")
    if request.max_forwards == 0:
        raise NotRoutableError(483, "Max-Forwards has run out")
    if is_impossible(request):
        raise NotRoutableError(500, "Privacy: what is asked for is not given here, and is critical")
    if is_looped(request, application, is_own):
        raise NotRoutableError(482, "the request has been here before, and nothing has changed since")
    unknown = [tag for tag in option_tags(request, "proxy-require") if tag.lower() not in {*supported}]
    if unknown:
        listed = ", ".join(unknown)
        raise NotRoutableError(420, f"Proxy-Require: {listed} is not supported", (("Unsupported", listed),))


def option_tags(request: Request, name: str) -> tuple[str, ...]:
    """Return the option tags of a header as they are written; one that is no token is one that nobody knows.

    Shape: ``name`` is long and in lower case.
    """
    if name not in request.headers.first:
        return ()
    parts = (part.strip(" \t") for line in request.headers.get_all(name) for part in line.split(","))
    return tuple([part for part in parts if part])


def is_looped(request: Request, application: str, is_own: IsOwn) -> bool:
    """Say whether this application has forwarded the very same request before; a spiral has changed on its way."""
    lines = [line for line in request.headers.get_all("via") if _LOOP.search(line)]
    if not lines:
        return False
    hashed = loop_hash(request, application)
    for value in VIA.parse_all(tuple(lines)):
        found = _LOOP.match(value.branch or "")
        if found and found[1] == hashed and _is_sent_by_us(value, is_own):
            return True
    return False


def loop_hash(request: Request, application: str) -> str:
    """Return the hash of all that the way of a request depends on; neither method nor Via is among it.

    Shape: sixteen hexadecimal digits.
    Source: RFC 3261 16.6 step 8; RFC 5393 4.2.
    """
    get_all = request.headers.get_all
    parts = (
        application,
        request.uri,
        request.from_.tag or "",
        request.to.tag or "",
        request.call_id,
        str(request.cseq.number),
        *(value for name in ("route", "proxy-require", "proxy-authorization") for value in ("", *get_all(name))),
    )
    return _hash("\0".join(parts))


def looped_branch(branch: str, hashed: str) -> str:
    """Return a branch of ours with the hash in it."""
    random, _, key = branch.rpartition(".")
    return f"{random}l{hashed}.{key}"


def stateless_branch(request: Request) -> str:
    """Return the branch with which a request is forwarded without any state: the same one for every repetition.

    Source: RFC 3261 16.11.
    """
    branch = request.via.branch or ""
    if branch.startswith(MAGIC_COOKIE):
        return MAGIC_COOKIE + _hash(f"{branch}\0{request.via.sent_by}\0{request.uri}")
    parts = (str(request.via), request.to.tag, request.from_.tag, request.call_id, request.cseq.number, request.uri)
    return MAGIC_COOKIE + _hash("\0".join(map(str, parts)))


def breadth_of(request: Request) -> int:
    """Return how many branches may be pending at once; a Max-Breadth that is none is as good as none."""
    try:
        found = request.one(MAX_BREADTH)
    except ValueError:
        found = None
    return DEFAULT_BREADTH if found is None else min(found, DEFAULT_BREADTH)


class Way(NamedTuple):
    """How a request goes on: its Request-URI, its Routes, and the URI of the next hop."""

    uri: str
    routes: tuple[str, ...]
    next_uri: str


def way_of(request: Request, uri: str, routes: Iterable[str] = ()) -> Way:
    """Return the way of a request to ``uri``, by ``routes`` and then its own Routes.

    A first Route that is a strict router becomes the Request-URI, and the Request-URI the last Route.

    Source: RFC 3261 16.6 steps 2, 6 and 7.
    """
    found = (*routes, *map(str, request.routes))
    uri = request_uri(uri)
    if not found:
        return Way(uri, (), uri)
    first = uri_of(found[0])
    if _is_loose(first):
        return Way(uri, found, first)
    first = request_uri(first)
    return Way(first, (*found[1:], f"<{uri}>"), first)


def forwarded(
    request: Request, way: Way, via: str, *, record_routes: Iterable[str] = (), breadth: int | None = None
) -> Request:
    """Return the request as it goes on.

    Source: RFC 3261 16.6 steps 1 to 9; RFC 5393 5.3.3.
    """
    hops = DEFAULT_HOPS if request.max_forwards is None else request.max_forwards - 1
    lines = [f"Via: {via}", *[f"Record-Route: {value}" for value in record_routes]]
    lines += [f"Route: {value}" for value in way.routes]
    lines.append(f"Max-Forwards: {hops}")
    if breadth is not None:
        lines.append(f"Max-Breadth: {breadth}")
    lines += [line for line in request.headers.lines if line[0] not in "rRmM" or split_line(line)[0] not in _REPLACED]
    if "content-length" not in request.headers:
        lines.append(f"Content-Length: {len(request.body)}")
    memo = request.known("from", "to", "cseq", "contact")
    return Request(request.method, way.uri, Headers.parse(lines), request.body, None, memo)


def stripped(response: Response) -> Response:
    """Return the response without its top Via, which was ours.

    Source: RFC 3261 16.7 step 3.
    """
    headers = response.headers
    values = split_outside_quotes(headers.get("via") or "", ",")
    if len(values) > 1:
        return response.with_first("Via", ",".join(values[1:]))
    at = next(at for at, line in enumerate(headers.lines) if split_line(line)[0] == "via")
    lines = [*headers.lines[:at], *headers.lines[at + 1 :]]
    memo = response.known("from", "to", "cseq", "contact")
    return Response(response.status, response.reason, Headers.parse(lines), response.body, None, memo)


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _is_sent_by_us(via: Via, is_own: IsOwn) -> bool:
    return is_own(SipUri("sip", None, None, via.host, via.port or DEFAULT_PORTS.get(via.transport, 5060)))


def _own(route: NameAddr, is_own: IsOwn) -> bool:
    uri = route.parsed_uri
    return isinstance(uri, SipUri) and is_own(uri)


def _user(route: NameAddr) -> str:
    uri = route.parsed_uri
    return (uri.user or "") if isinstance(uri, SipUri) else ""


def _is_addressed(uri: SipUri, is_own: IsOwn, flow: Flow) -> bool:
    """Say whether maddr, port and transport of a Request-URI are those that the request came in by."""
    transport = transport_of(uri)
    port = uri.port or DEFAULT_PORTS.get(transport, 5060)
    here = replace(uri, host=uri.params["maddr"] or "", port=port)
    return is_own(here) and (transport, port) == (flow.transport, flow.local_port)


def _without_address(uri: SipUri) -> SipUri:
    params = {name: value for name, value in uri.params.items() if name not in {"maddr", "transport"}}
    return replace(uri, port=None, params=params)


def uri_of(route: str) -> str:
    """Return the URI of a Route value."""
    return route.partition("<")[2].partition(">")[0] or route


def _is_loose(text: str) -> bool:
    uri = parse_uri(text)
    return not isinstance(uri, SipUri) or "lr" in uri.params
