"""Makes requests and responses.

The wire form is made at once, since whatever is made is sent; the check that no value breaks out of its line is one
look at the finished head.

Errors: what comes from an application or a form is checked: every function here raises ValueError for a name that is no
token and for text with CR, LF or NUL.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.sip.grammar import check_line, split_outside_quotes
from server.sip.headers import SINGLE, Headers, Via, format_line, long_name
from server.sip.message import TOP_VIA, Request, Response
from server.sip.status import reason_phrase

COPIED = ("via", "from", "to", "call-id", "cseq")
"""Headers that a response has from its request (RFC 3261 8.2.6.2)."""


def make_request(
    method: str,
    uri: str,
    *,
    via: str,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    routes: Iterable[str] = (),
    contact: str | None = None,
    extra: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """Make a request.

    Source: RFC 3261 8.1.1.
    """
    hops, number = str(max_forwards), f"{cseq} {method}"
    lines = [f"Via: {via}", f"Max-Forwards: {hops}"]
    first = {"via": via, "max-forwards": hops, "from": from_, "to": to, "call-id": call_id, "cseq": number}
    more: dict[str, list[str]] = {}
    if routes:
        _add_all("Route", "route", routes, lines, first, more)
    lines += (f"From: {from_}", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {number}")
    _finish(lines, first, more, contact, extra, len(body), content_type)
    wire = _wire(f"{method} {uri} SIP/2.0", lines, body)
    return Request(method, uri, Headers(lines, first, more), body, wire)


def make_response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    contact: str | None = None,
    extra: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """Make the response to a request; a To without a tag gets ``to_tag``, but not in a 100.

    Source: RFC 3261 8.2.6, 12.1.1.
    """
    headers = request.headers
    via, from_, to, call_id, number = [headers.first.get(name, "").strip(" \t") for name in COPIED]
    if to_tag and to and status > 100 and request.to.tag is None:
        to = f"{to.removesuffix(';')};tag={to_tag}"
    repeated = headers.more
    more: dict[str, list[str]] = {}
    if "via" in repeated:
        more["via"] = repeated["via"]
        lines = [f"Via: {value}" for value in more["via"]]
    else:
        lines = [f"Via: {via}"]
    first = {"via": via, "from": from_, "to": to, "call-id": call_id, "cseq": number}
    if 100 < status < 300 and "record-route" in headers:
        _add_all("Record-Route", "record-route", headers.get_all("record-route"), lines, first, more)
    if from_ and to and call_id and number:
        lines += (f"From: {from_}", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {number}")
    else:
        _copy_what_is_there(first, lines)
    if status == 100 and "timestamp" in headers:
        _add_all("Timestamp", "timestamp", headers.get_all("timestamp"), lines, first, more)
    copied = len(lines)
    _finish(lines, first, more, contact, extra, len(body), content_type)
    if reason is None:
        reason = reason_phrase(status)
    wire = _wire(f"SIP/2.0 {status} {reason}", lines, body, copied)
    memo = request.known(TOP_VIA, "from", "cseq")
    return Response(status, reason, Headers(lines, first, more), body, wire, memo)


def make_ack(invite: Request, response: Response) -> Request:
    """Make the ACK to a final response that is none of success; it belongs to the INVITE's transaction.

    Source: RFC 3261 17.1.1.3.
    """
    return _hop_by_hop("ACK", invite, response.headers.get("to") or "")


def make_cancel(invite: Request, reasons: Iterable[str] = ()) -> Request:
    """Make the CANCEL of an INVITE; ``reasons`` are values of Reason (RFC 3326).

    Source: RFC 3261 9.1.
    """
    return _hop_by_hop("CANCEL", invite, invite.headers.get("to") or "", [("Reason", reason) for reason in reasons])


def stamp_received(request: Request, host: str, port: int) -> Request:
    """Return the request with ``received`` and ``rport`` of its top Via filled; the same one if nothing is to be done.

    A ``received`` that the sender wrote is not believed.

    Source: RFC 3261 18.2.1, RFC 3581 4.
    """
    via = request.via
    wants_port = "rport" in via.params
    is_same = via.host.strip("[]") == host
    if is_same and not wants_port and "received" not in via.params:
        return request
    params = dict(via.params)
    params.pop("received", None)
    if wants_port:
        params["rport"] = str(port)
    if wants_port or not is_same:
        params["received"] = host
    stamped = str(Via(via.transport, via.host, via.port, params))
    values = split_outside_quotes(request.headers.get("via") or "", ",")
    return request.with_first("Via", ",".join((stamped, *values[1:])))


def _hop_by_hop(method: str, invite: Request, to: str, extra: Iterable[tuple[str, str]] = ()) -> Request:
    """Make an ACK or CANCEL: the INVITE's top Via alone, its Request-URI, Routes and number."""
    headers = invite.headers
    return make_request(
        method,
        invite.uri,
        via=str(invite.via),
        from_=headers.get("from") or "",
        to=to,
        call_id=invite.call_id,
        cseq=invite.cseq.number,
        routes=headers.get_all("route"),
        extra=extra,
    )


def _copy_what_is_there(first: dict[str, str], lines: list[str]) -> None:
    """Add the lines that a refused request has; it may lack any but Via."""
    for name, key in (("From", "from"), ("To", "to"), ("Call-ID", "call-id"), ("CSeq", "cseq")):
        if first[key]:
            lines.append(f"{name}: {first[key]}")
        else:
            del first[key]


def _add_all(
    name: str, key: str, values: Iterable[str], lines: list[str], first: dict[str, str], more: dict[str, list[str]]
) -> None:
    """Add a line for each value."""
    for value in values:
        lines.append(f"{name}: {value}")
        _index(key, value, first, more)


def _index(key: str, value: str, first: dict[str, str], more: dict[str, list[str]]) -> None:
    if key not in first:
        first[key] = value
    else:
        more[key] = [*more.get(key, (first[key],)), value]


def _finish(
    lines: list[str],
    first: dict[str, str],
    more: dict[str, list[str]],
    contact: str | None,
    extra: Iterable[tuple[str, str]],
    length: int,
    content_type: str | None,
) -> None:
    """Add what follows the mandatory lines."""
    if contact is not None:
        lines.append(f"Contact: {contact}")
        first["contact"] = contact
    for name, value in extra:
        lines.append(format_line(name, value))
        _index(long_name(name), value, first, more)
    if length and content_type:
        lines.append(f"Content-Type: {content_type}")
        _index("content-type", content_type, first, more)
    if "content-length" in first or not SINGLE.isdisjoint(more):
        raise ValueError(f"a header that may stand only once is given twice: {', '.join(more) or 'content-length'}")
    first["content-length"] = text = str(length)
    lines.append(f"Content-Length: {text}")


def _wire(start: str, lines: list[str], body: bytes, copied: int = 0) -> bytes:
    """Return the message as bytes; the first ``copied`` lines are those of a message that was checked before.

    Errors: ValueError when a value holds CR, LF or NUL.
    """
    head = "\r\n".join((start, *lines, "", ""))
    ends = len(lines) + 2
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        for line in (start, *lines[copied:]):
            check_line(line, line.partition(" ")[0])
    return head.encode("utf-8", "surrogateescape") + body
