"""Dialogs: what two user agents know of each other (RFC 3261 12)."""

from __future__ import annotations

from typing import Any

import msgspec

from server.sip.message import Request, Response
from server.sip.uri import SipUri, parse_uri

TARGET_REFRESH = frozenset({"INVITE", "UPDATE"})


class Dialog(msgspec.Struct, frozen=True, array_like=True):
    """One dialog.

    Shape: ``local`` and ``remote`` are the From and To values without tag, ``target`` and ``routes`` texts as they go
    into a request, ``state`` is ``Early``, ``Confirmed`` or ``Terminated``.
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


def open_uas(request: Request, local_tag: str, *, confirmed: bool) -> Dialog:
    """Make the dialog of a user agent server when it answers.

    Source: RFC 3261 12.1.1.
    """
    return Dialog(
        request.call_id,
        local_tag,
        request.from_.tag or "",
        request.headers.get("to") or "",
        _without_tag(request.headers.get("from") or ""),
        request.contacts[0].uri if request.contacts else request.from_.uri,
        tuple(str(route) for route in request.record_routes),
        0,
        request.cseq.number,
        "Confirmed" if confirmed else "Early",
    )


def open_uac(request: Request, response: Response) -> Dialog:
    """Make the dialog of a user agent client from the first response with a tag.

    Source: RFC 3261 12.1.2.
    """
    return Dialog(
        request.call_id,
        request.from_.tag or "",
        response.to.tag or "",
        _without_tag(request.headers.get("from") or ""),
        _without_tag(response.headers.get("to") or ""),
        response.contacts[0].uri if response.contacts else request.uri,
        tuple(str(route) for route in reversed(response.record_routes)),
        request.cseq.number,
        None,
        "Confirmed" if response.status >= 200 else "Early",
    )


def on_response(dialog: Dialog, response: Response) -> Dialog:
    """Take a 2xx: it confirms an early dialog, whose route set it renews, and refreshes the target.

    Source: RFC 3261 12.2.1.2, 13.2.2.4.
    """
    target = response.contacts[0].uri if response.contacts else dialog.target
    routes = dialog.routes
    if dialog.state == "Early":
        routes = tuple(str(route) for route in reversed(response.record_routes))
    return msgspec.structs.replace(dialog, target=target, routes=routes, state="Confirmed")


def on_request(dialog: Dialog, request: Request) -> tuple[Dialog, int | None]:
    """Take a request of the peer; return the dialog and, when it must be refused, the status.

    Source: RFC 3261 12.2.2.
    """
    number = request.cseq.number
    if dialog.remote_cseq is not None and number <= dialog.remote_cseq:
        return dialog, 500
    target = dialog.target
    if request.method in TARGET_REFRESH and request.contacts:
        target = request.contacts[0].uri
    return msgspec.structs.replace(dialog, remote_cseq=number, target=target), None


def request_parts(dialog: Dialog, method: str) -> tuple[Dialog, dict[str, Any]]:
    """Return the dialog, its CSeq one higher, and the arguments of ``make_request``; an ACK does not count.

    Source: RFC 3261 12.2.1.1.
    """
    if method != "ACK":
        dialog = msgspec.structs.replace(dialog, local_cseq=dialog.local_cseq + 1)
    uri, routes = dialog.target, dialog.routes
    if routes and not _is_loose(routes[0]):
        uri, routes = _route_uri(routes[0]), (*routes[1:], f"<{dialog.target}>")
    parts = {
        "uri": uri,
        "from_": f"{dialog.local};tag={dialog.local_tag}",
        "to": f"{dialog.remote};tag={dialog.remote_tag}" if dialog.remote_tag else dialog.remote,
        "call_id": dialog.call_id,
        "cseq": dialog.local_cseq,
        "routes": routes,
    }
    return dialog, parts


def _route_uri(route: str) -> str:
    return route.partition("<")[2].partition(">")[0] or route


def _is_loose(route: str) -> bool:
    try:
        uri = parse_uri(_route_uri(route))
    except ValueError:
        return True
    return not isinstance(uri, SipUri) or "lr" in uri.params


def _without_tag(value: str) -> str:
    head, bracket, params = value.rpartition(">")
    if not bracket:
        head, _, params = value.partition(";")
        params = ";" + params if params else ""
    kept = [p for p in params.split(";") if p.strip() and not p.strip().lower().startswith("tag=")]
    return head + bracket + "".join(f";{p.strip()}" for p in kept)
