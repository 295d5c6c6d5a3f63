"""The request that a REFER asks for: made from its Refer-To, with what may be trusted of the headers in that.

Source: RFC 3515 2.4.2; RFC 3892 2.1 (Referred-By); RFC 3261 19.1.5 (headers of a URI).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from server.container.drafts import draft as new_request
from server.container.messages import InboundRequest, OutboundRequest
from server.servlet.errors import NotRoutableError
from server.sip.dialog import without_tag
from server.sip.headers.table import REFER_TO
from server.sip.uri import SipUri, unescape

if TYPE_CHECKING:
    from server.container.container import Container

METHODS = frozenset({"INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "REFER"})
"""What a stranger may have us send."""

TAKEN = {name.lower(): name for name in ("Replaces", "Join", "Target-Dialog", "Require", "Subject", "Accept-Contact")}
"""Headers in the URI that go into the request; what routes or identifies it is ours to write."""


def referred(container: Container, refer: InboundRequest) -> OutboundRequest:
    """Make the request that a REFER asks for, in a new session of its application session.

    Errors: NotRoutableError, which unhandled is the answer, for a Refer-To that cannot be followed.
    """
    try:
        target = refer.message.one(REFER_TO)
        uri = None if target is None else target.parsed_uri
    except ValueError as error:
        raise NotRoutableError(400, f"Refer-To: {error}") from error
    if not isinstance(uri, SipUri):
        raise NotRoutableError(416, "Refer-To: only sip: and sips: addresses can be called")
    method = (uri.params.get("method") or "INVITE").upper()
    if method not in METHODS:
        raise NotRoutableError(400, f"Refer-To: {method[:20]} is no method that is sent for others")
    params = {name: value for name, value in uri.params.items() if name != "method"}
    plain = str(replace(uri, params=params, headers=""))
    local = without_tag(refer.message.headers.get("to") or "")
    draft = new_request(
        container, refer.call, refer.record.application, refer.record.app, method, local, plain
    )  # fmt: skip
    try:
        for name, value in _headers(uri):
            draft.set_header(name, value)
    except ValueError as error:
        raise NotRoutableError(400, f"Refer-To: {error}") from error
    referrer = refer.header("Referred-By")
    if referrer is not None:
        draft.set_header("Referred-By", referrer)
    return draft


def _headers(uri: SipUri) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in uri.headers.split("&") if pair]
    return [(TAKEN[name.lower()], unescape(value)) for name, _, value in pairs if name.lower() in TAKEN]
