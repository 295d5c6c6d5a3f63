"""What is looked at before a servlet sees a request: in its dialog, or beside those that came with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.container import naming, session_timers
from server.container.forwarding import option_tags
from server.container.records import Sessions, SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import LOCAL, Delivery
from server.servlet.sip_servlet import METHODS, SipServlet
from server.sip.dialog import on_request
from server.sip.message import Request
from server.sip.multipart import Part, is_understood
from server.sip.offer_answer import REFUSALS
from server.sip.usage.offer import CARRIERS, has_sdp

if TYPE_CHECKING:
    from server.container.container import Container

Refusal = tuple[int, tuple[tuple[str, str], ...]]
"""A status and the headers that go with it."""

IDENTITY = "identity"

SUPPORTED = frozenset({"100rel", "timer", "replaces", "join", "tdialog", "from-change"})
"""Option tags that a user agent here understands."""

INSIDE = frozenset({"BYE", "INFO", "PRACK", "UPDATE"})
"""Requests that a user agent refuses with 481 outside of a dialog.

Source: RFC 3261 15.1.2; RFC 3262 3; RFC 3311 5.2; RFC 6086 4.2.2.
"""

LATEST = 10
"""Seconds: the longest Retry-After of a request that comes while another is open (RFC 3261 14.2)."""


def refusal_in_dialog(container: Container, record: SipRecord, request: Request) -> Refusal | None:
    """Return what a request in a dialog is refused with, None when it may be served; its number is taken in any case.

    Source: RFC 3261 12.2.2, 14.2; RFC 3311 5.2; RFC 4028 9.
    """
    assert record.dialog is not None
    if request.method not in METHODS:
        return 405, (("Allow", ", ".join(container.servlet_of(record).allowed())),)
    record.dialog, refusal = on_request(record.dialog, request)
    if refusal is not None:
        return refusal, ()
    refusal = _open(record, request)
    if refusal is None:
        return session_timers.refusal_of(request)
    return refusal, (("Retry-After", str(container.ids.below(LATEST + 1))),) if refusal == 500 else ()


def unknown_package(servlet: SipServlet, request: Request) -> Refusal | None:
    """Return 469 for an INFO of a package that the servlet does not take; one without a package is its own affair.

    Source: RFC 6086 4.2.2.
    """
    if request.method != "INFO" or servlet.info_packages is None or "info-package" not in request.headers:
        return None
    name = (request.headers.get("info-package") or "").partition(";")[0].strip()
    return None if name in servlet.info_packages else (469, (("Recv-Info", ", ".join(servlet.info_packages)),))


def unknown_body(servlet: SipServlet, request: Request) -> Refusal | None:
    """Return 415 for a body, or a part that must be understood, of a type that the servlet does not take.

    Source: RFC 3261 8.2.3; RFC 5621 3.1.
    """
    if not servlet.accepts or not request.body:
        return None
    if not Part(request.headers, request.body).is_required:
        return None
    encoding = (request.headers.get("content-encoding") or IDENTITY).strip().lower()
    if encoding != IDENTITY:
        return 415, (("Accept-Encoding", IDENTITY),)
    known = frozenset(servlet.accepts)
    if is_understood(request.body, request.content_type or "", known):
        return None
    return 415, (("Accept", ", ".join((*servlet.accepts, "multipart/*"))),)


def impossible(record: SipRecord, request: Request) -> Refusal | None:
    """Return what a user agent refuses a request with that no servlet can serve; a proxy passes it on (20.32).

    It requires what is not supported, wants a dialog that is not here, or says nothing outside of one.

    Source: RFC 3261 8.2.2.3, 15.1.2; RFC 3891 3.
    """
    unknown = [tag for tag in option_tags(request, "require") if tag.lower() not in SUPPORTED]
    if unknown and request.method != "REGISTER":
        return 420, (("Unsupported", ", ".join(unknown)),)
    status = 481 if request.method in INSIDE and not request.to.tag else naming.refusal_of(record, request)
    return (status, ()) if status else None


def is_merged(call: Call, delivery: Delivery, request: Request) -> bool:
    """Say whether a request came before on another way, and was not passed on: then it is answered there.

    Source: RFC 3261 8.2.2.2.
    """
    servers = call.transactions.servers
    if len(servers) < 2 or delivery.flow == LOCAL or request.method == "REGISTER":
        return False
    sips = call.section("sessions", Sessions).sips
    for key, server in servers.items():
        first = sips.get(server.session)
        if key == delivery.key or server.flow == LOCAL or (first is not None and first.proxies):
            continue
        other = transactions.request_of(call, key)
        if (other.cseq, other.from_.tag, other.call_id) == (request.cseq, request.from_.tag, request.call_id):
            return other.to.tag is None
    return False


def _open(record: SipRecord, request: Request) -> int | None:
    """Return the status for a request that meets one of its kind, or an offer, that is open."""
    if request.method == "INVITE":
        if record.invite_in:
            return 500
        if record.invite_out:
            return 491
    if request.method in CARRIERS - {"PRACK"} and has_sdp(request):
        return REFUSALS.get((record.offer, "receive-offer"))
    return None
