"""Makes requests and responses.

Errors: what comes from an application or a form is checked: every function here raises ValueError for a value with CR,
LF or NUL.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.sip.grammar import FORBIDDEN
from server.sip.headers import Headers
from server.sip.message import Request, Response
from server.sip.status import reason_phrase

Pairs = list[tuple[str, str]]


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
    pairs: Pairs = [("Via", via), ("Max-Forwards", str(max_forwards))]
    pairs += [("Route", route) for route in routes]
    pairs += [("From", from_), ("To", to), ("Call-ID", call_id), ("CSeq", f"{cseq} {method}")]
    if contact is not None:
        pairs.append(("Contact", contact))
    return Request(method, _clean(uri), _finish(pairs, extra, body, content_type), body)


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
    pairs: Pairs = [("Via", value) for value in headers.get_all("via")]
    if 100 < status < 300:
        pairs += [("Record-Route", value) for value in headers.get_all("record-route")]
    to = headers.get("to") or ""
    if to_tag and status > 100 and not request.to.tag:
        to = f"{to};tag={to_tag}"
    pairs += [("From", headers.get("from") or ""), ("To", to), ("Call-ID", request.call_id)]
    pairs.append(("CSeq", headers.get("cseq") or ""))
    if contact is not None:
        pairs.append(("Contact", contact))
    reason = reason_phrase(status) if reason is None else _clean(reason)
    return Response(status, reason, _finish(pairs, extra, body, content_type), body)


def make_ack(invite: Request, response: Response) -> Request:
    """Make the ACK to a final response that is none of success; it belongs to the INVITE's transaction.

    Source: RFC 3261 17.1.1.3.
    """
    headers = invite.headers
    pairs: Pairs = [("Via", str(invite.via)), ("Max-Forwards", "70")]
    pairs += [("Route", value) for value in headers.get_all("route")]
    pairs += [("From", headers.get("from") or ""), ("To", response.headers.get("to") or "")]
    pairs += [("Call-ID", invite.call_id), ("CSeq", f"{invite.cseq.number} ACK")]
    return Request("ACK", invite.uri, _finish(pairs, (), b"", None))


def make_cancel(invite: Request) -> Request:
    """Make the CANCEL of an INVITE.

    Source: RFC 3261 9.1.
    """
    headers = invite.headers
    pairs: Pairs = [("Via", str(invite.via)), ("Max-Forwards", "70")]
    pairs += [("Route", value) for value in headers.get_all("route")]
    pairs += [("From", headers.get("from") or ""), ("To", headers.get("to") or ""), ("Call-ID", invite.call_id)]
    pairs.append(("CSeq", f"{invite.cseq.number} CANCEL"))
    return Request("CANCEL", invite.uri, _finish(pairs, (), b"", None))


def stamp_received(request: Request, host: str, port: int) -> Request:
    """Return the request with ``received`` and ``rport`` of its top Via filled; the same one if nothing is to be done.

    Source: RFC 3261 18.2.1, RFC 3581 4.
    """
    via = request.via
    wants_port = "rport" in via.params
    if via.host == host and not wants_port:
        return request
    params = dict(via.params)
    if wants_port:
        params["rport"] = str(port)
    if via.host != host or wants_port:
        params["received"] = host
    lines = list(request.headers.get_all("via"))
    first, comma, others = lines[0].partition(",")
    del first
    stamped = str(via._replace(params=params)) + (comma + others if comma else "")
    pairs = [(name, value) for name, value in request.headers.items()]
    at = next(i for i, (name, _) in enumerate(pairs) if name.lower() in {"via", "v"})
    pairs[at] = (pairs[at][0], stamped)
    return Request(request.method, request.uri, Headers.of(pairs), request.body)


def _finish(pairs: Pairs, extra: Iterable[tuple[str, str]], body: bytes, content_type: str | None) -> Headers:
    pairs.extend(extra)
    if body and content_type:
        pairs.append(("Content-Type", content_type))
    pairs.append(("Content-Length", str(len(body))))
    headers = Headers.of(pairs)
    if FORBIDDEN.search("".join(headers.lines)):
        raise ValueError("a header value holds CR, LF or NUL")
    return headers


def _clean(text: str) -> str:
    if FORBIDDEN.search(text):
        raise ValueError(f"CR, LF or NUL in {text!r}")
    return text
