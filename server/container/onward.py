"""The next hop of a request that is passed on, and the request as it goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from server.container.forwarding import (
    Way,
    forwarded,
    loop_hash,
    looped_branch,
    routed,
    stateless_branch,
    way_of,
)
from server.container.parties import flow_to
from server.container.records import SipRecord
from server.container.response_context import Target
from server.container.routing import Hop, way
from server.engine.call import Call
from server.engine.transactions import LOCAL
from server.servlet.errors import NotRoutableError
from server.sip.message import Request
from server.sip.uri import SipUri, parse_uri
from server.transport.flow import UNRESOLVED, Flow

if TYPE_CHECKING:
    from server.container.container import Container


class Onward(NamedTuple):
    """A request that is ready to go.

    Shape: ``others`` are the flows to try when this one fails; ``position`` as in ``Item``.
    """

    request: Request
    flow: Flow
    others: tuple[Flow, ...]
    position: int


def onward(
    container: Container,
    call: Call,
    record: SipRecord,
    request: Request,
    target: Target,
    inbound: Flow,
    token: str,
    breadth: int | None,
) -> Onward:
    """Return a request as it goes on to a target.

    Shape: ``request`` is without the Routes that led here and came in over ``inbound``; ``token`` is what stands in our
    Record-Route, empty for none; ``breadth`` is the Max-Breadth, None for none.
    Errors: NotRoutableError when there is no way to the target.
    Source: RFC 3261 16.6.
    """
    addresses, ids = container.routing.addresses, container.ids
    found = way_of(request, target.uri, target.routes)
    hop, position = _hop(container, call, record, request, target, found)
    if not found.routes:
        found = way_of(request, hop.uri, hop.routes)
    branch = ids.mint_branch(call.key)
    if request.method != "ACK":
        branch = looped_branch(branch, loop_hash(request, record.app))
    if hop.flow != LOCAL and hop.flow.remote_host not in call.engine.trust:
        request = container.registrar.consumed(request)
    secure = found.uri[:5].lower() == "sips:"
    entries = addresses.record_routes(token, inbound, hop.flow, secure=secure) if token else ()
    sent = forwarded(request, found, addresses.via(hop.flow, branch), record_routes=entries, breadth=breadth)
    return Onward(sent, hop.flow, hop.others, position)


def stray(container: Container, request: Request, flow: Flow) -> tuple[Request, Flow] | None:
    """Return how a request goes on of whose call nothing is known, without any state; None when it does not.

    Only what our own Record-Route led here: this server passes nothing on for strangers.

    Source: RFC 3261 16.10, 16.11.
    """
    routing = container.routing
    request, token = routed(request, routing.addresses.is_own, flow)
    if not token or request.max_forwards == 0:
        return None
    found = way_of(request, request.uri)
    try:
        onto = routing.flows_to(found.next_uri)[0]
    except NotRoutableError:
        return None
    if onto.transport == UNRESOLVED:
        return None
    return forwarded(request, found, routing.addresses.via(onto, stateless_branch(request))), onto


def _hop(
    container: Container, call: Call, record: SipRecord, request: Request, target: Target, found: Way
) -> tuple[Hop, int]:
    """Return the next hop and, for the next application of the chain, its position."""
    if not request.to.tag:
        position = container.chain.position_of(record.app) + 1
        if container.chain.select(request.method, position) is not None:
            return Hop(found.uri, LOCAL), position
        if found.routes:
            return Hop(found.uri, *way(container.routing.flows_to(found.next_uri))), 0
        if target.flows:
            return container.routing.bound_hop(target.uri, target.flows), 0
        return container.routing.next_hop(target.uri), 0
    if _is_here(container, call, found.next_uri):
        return Hop(found.uri, LOCAL), 0
    known = flow_to(call, record.id, request.to.tag)
    routing = container.routing
    if known is None or known == LOCAL:
        flows = routing.flows_to(found.next_uri)
    else:
        flows = routing.dialog_flows(found.next_uri, known)
    return Hop(found.uri, *way(flows)), 0


def _is_here(container: Container, call: Call, text: str) -> bool:
    """Say whether a URI is one that this server has made for this very call: a Contact or Record-Route."""
    uri = parse_uri(text)
    if not isinstance(uri, SipUri) or not uri.user or not uri.user.endswith(call.key):
        return False
    return container.routing.addresses.is_own(uri)
