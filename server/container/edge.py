"""What a proxy at the edge does for phones behind connections of their own: a Path to each, and the way back by it.

Source: RFC 3327 5.2; RFC 5626 5.1 to 5.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.container.flow_token import PREFIX
from server.container.onward import Onward
from server.container.outbound import OPTION
from server.container.response_context import Target
from server.servlet.errors import NotRoutableError
from server.sip.message import Request
from server.sip.uri import SipUri
from server.sip.usage.options import option_tags
from server.transport.flow import Flow

if TYPE_CHECKING:
    from server.container.container import Container


def with_path(container: Container, found: Onward, inbound: Flow) -> Onward:
    """Return a REGISTER as it goes on, with a Path that leads back here, if the phone understands that.

    Of a phone that is one hop away the Path holds the connection.
    """
    request = found.request
    supported = option_tags(request, "supported")
    if "path" not in supported:
        return found
    is_first = len(request.vias) == 2
    user = container.flow_tokens.mint(inbound) if is_first else "path"
    ob = ";ob" if is_first and OPTION in supported else ""
    entry = container.routing.addresses.contact(user, found.flow, secure=request.uri[:5].lower() == "sips:")
    return found._replace(request=request.with_added("Path", f"{entry[:-1]};lr{ob}>", first=True))


def by_flow(container: Container, received: Request, target: Target) -> Target:
    """Return the target of a request with the flow that its first Route names, if that is a token of ours.

    Errors: NotRoutableError with 403 for a token that somebody else has made.
    """
    if "route" not in received.headers.first or target.flows:
        return target
    uri = received.routes[0].parsed_uri
    if not isinstance(uri, SipUri) or not (uri.user or "").startswith(PREFIX):
        return target
    if not container.routing.addresses.is_own(uri):
        return target
    flow = container.flow_tokens.read(uri.user or "")
    if flow is None:
        raise NotRoutableError(403, "the flow token is none of this server")
    return Target(target.uri, target.q, target.routes, (flow,))
