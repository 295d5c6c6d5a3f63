"""Dialogs: what two user agents know of each other (RFC 3261 12)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec

from server.sip.grammar import split_outside_quotes, storable
from server.sip.message import Request, Response
from server.sip.uri import SipUri, parse_uri

TARGET_REFRESH = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Requests that give the dialog a new remote target, with their 2xx.

Source: RFC 3261 12.2; RFC 3311 5.1; RFC 5057 5.4 (SUBSCRIBE, NOTIFY and REFER).
"""

NAME_CHANGE = frozenset({"INVITE", "UPDATE"})
"""Requests that may give the peer another name (RFC 4916 4.4)."""

_WITH_TAG_ALONE = re.compile(r"""((?:"[^"\\]*"[ \t]*|[^"<>,;\\]*)<[^<>"]*>)(?:;tag=[\w.!%*+`'~-]+)?\Z""", re.ASCII)
"""What nearly every From and To is, in one look; anything else is taken apart."""

_ADDRESS = re.compile(r'"(?:[^"\\]|\\.)*"\s*<[^>]*>|[^<]*<[^>]*>|[^;]*', re.DOTALL)
"""What stands before the parameters of a From or To."""


class Dialog(msgspec.Struct, frozen=True, array_like=True):
    """One dialog.

    Shape: ``local`` and ``remote`` are the From and To values without tag, ``target`` and ``routes`` texts as they go
    into a request, ``state`` is ``Early``, ``Confirmed`` or ``Terminated``; a ``secure`` one began with a sips: URI.
    """

    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    local_cseq: int
    remote_cseq: int | None
    state: str
    secure: bool = False


def open_uas(request: Request, local_tag: str, *, confirmed: bool) -> Dialog:
    """Make the dialog of a user agent server when it answers.

    Source: RFC 3261 12.1.1.
    """
    return Dialog(
        request.call_id,
        local_tag,
        request.from_.tag or "",
        without_tag(request.headers.get("to") or ""),
        without_tag(request.headers.get("from") or ""),
        _target(request, request.from_.uri),
        tuple(str(route) for route in request.record_routes),
        0,
        request.cseq.number,
        "Confirmed" if confirmed else "Early",
        _is_secure(request),
    )


def confirmed(dialog: Dialog) -> Dialog:
    """Return the early dialog of a user agent server once it has accepted; what happened in it before stays.

    Source: RFC 3261 12.1, RFC 3311 5.1.
    """
    return msgspec.structs.replace(dialog, state="Confirmed")


def open_uac(request: Request, response: Response) -> Dialog:
    """Make the dialog of a user agent client from the first response with a tag.

    Source: RFC 3261 12.1.2.
    """
    return Dialog(
        request.call_id,
        request.from_.tag or "",
        response.to.tag or "",
        without_tag(request.headers.get("from") or ""),
        without_tag(response.headers.get("to") or ""),
        _target(response, request.uri),
        tuple(str(route) for route in reversed(response.record_routes)),
        request.cseq.number,
        None,
        "Confirmed" if response.status >= 200 else "Early",
        _is_secure(request),
    )


def on_response(dialog: Dialog, response: Response) -> Dialog:
    """Take a response: a 2xx to a request that refreshes the target does so; any other changes nothing.

    A 2xx to the INVITE confirms an early dialog and renews its route set.

    Source: RFC 3261 12.2.1.2, 13.2.2.4.
    """
    method = response.method
    if not 200 <= response.status < 300 or method not in TARGET_REFRESH:
        return dialog
    target, routes, state = _target(response, dialog.target), dialog.routes, dialog.state
    if method == "INVITE" and state == "Early":
        routes = tuple(str(route) for route in reversed(response.record_routes))
        state = "Confirmed"
    return msgspec.structs.replace(dialog, target=target, routes=routes, state=state)


def on_request(dialog: Dialog, request: Request) -> tuple[Dialog, int | None]:
    """Take a request of the peer; return the dialog and, when it must be refused, the status.

    A number that was used is refused like a lower one: what repeats within a transaction does not come here. ACK and
    CANCEL have the number of their INVITE and change nothing. The target is refreshed when the request is accepted
    (``on_accepted``), so that one that fails leaves the dialog as it was.

    Source: RFC 3261 12.2.2, 14.1.
    """
    if request.method in {"ACK", "CANCEL"}:
        return dialog, None
    number = request.cseq.number
    if dialog.remote_cseq is not None and number <= dialog.remote_cseq:
        return dialog, 500
    return msgspec.structs.replace(dialog, remote_cseq=number), None


def on_accepted(dialog: Dialog, request: Request) -> Dialog:
    """Take notice that we accept a request of the peer: it may refresh the target and the name.

    Source: RFC 3261 12.2.2, RFC 6141 4.3; RFC 4916 4.4.
    """
    if request.method not in TARGET_REFRESH:
        return dialog
    is_named = request.method in NAME_CHANGE
    remote = without_tag(request.headers.get("from") or "") if is_named else dialog.remote
    return msgspec.structs.replace(dialog, target=_target(request, dialog.target), remote=remote)


def request_parts(dialog: Dialog, method: str) -> tuple[Dialog, dict[str, Any]]:
    """Return the dialog, its CSeq one higher, and the arguments of ``make_request``; an ACK does not count.

    Source: RFC 3261 12.2.1.1.
    """
    if method != "ACK":
        dialog = msgspec.structs.replace(dialog, local_cseq=dialog.local_cseq + 1)
    uri, routes = request_uri(dialog.target), dialog.routes
    if routes and not _is_loose(routes[0]):
        uri, routes = request_uri(_route_uri(routes[0])), (*routes[1:], f"<{dialog.target}>")
    parts = {
        "uri": uri,
        "from_": f"{dialog.local};tag={dialog.local_tag}",
        "to": f"{dialog.remote};tag={dialog.remote_tag}" if dialog.remote_tag else dialog.remote,
        "call_id": dialog.call_id,
        "cseq": dialog.local_cseq,
        "routes": routes,
    }
    return dialog, parts


def _is_secure(request: Request) -> bool:
    return request.uri[:5].lower() == "sips:"


def _target(message: Request | Response, default: str) -> str:
    """Return the URI of the first Contact; ``*`` is none (RFC 3261 20.10)."""
    contacts = message.contacts
    return contacts[0].uri if contacts and contacts[0].uri != "*" else default


def _route_uri(route: str) -> str:
    return route.partition("<")[2].partition(">")[0] or route


def request_uri(text: str) -> str:
    """Return the URI without what no Request-URI may have: the method parameter and headers (RFC 3261 19.1.1)."""
    if "?" not in text and "method=" not in text.lower():
        return text
    try:
        uri = parse_uri(text)
    except ValueError:
        return text
    if not isinstance(uri, SipUri):
        return text
    params = {name: value for name, value in uri.params.items() if name != "method"}
    return str(replace(uri, params=params, headers=""))


def _is_loose(route: str) -> bool:
    try:
        uri = parse_uri(_route_uri(route))
    except ValueError:
        return True
    return not isinstance(uri, SipUri) or "lr" in uri.params


def without_tag(value: str) -> str:
    """Return a From or To as it is written, but for the tag."""
    plain = _WITH_TAG_ALONE.match(value)
    if plain is not None and value.isascii():
        return plain[1]
    value = storable(value)
    address = _ADDRESS.match(value)
    assert address is not None
    params = split_outside_quotes(value[address.end() :].lstrip("; \t"), ";")
    kept = [param.strip() for param in params if param.strip() and param.partition("=")[0].strip().lower() != "tag"]
    return ";".join((address.group().rstrip(), *kept))
