"""Session timers of SIP sessions: refreshed by an UPDATE without a body, ended by a BYE.

Source: RFC 4028.
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from server.container.records import Sessions, SipRecord
from server.engine.call import Call
from server.servlet.errors import ServletError
from server.sip.headers.table import MIN_SE as MIN_SE_HEADER
from server.sip.message import Request, Response
from server.sip.usage.offer import has_sdp
from server.sip.usage.session_timer import METHODS, MIN_SE, OPTION, agree, granted, is_too_short, refresh_headers

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

Headers = tuple[tuple[str, str], ...]


def refusal_of(request: Request) -> tuple[int, Headers] | None:
    """Return 422 and what it says for a request that asks for too short an interval."""
    if request.method in METHODS and is_too_short(request):
        return 422, (("Min-SE", str(MIN_SE)),)
    return None


def accept(call: Call, record: SipRecord, request: Request, status: int) -> Headers:
    """Take up the timer that a request asks for and that we accept; return what the response says of it."""
    if request.method not in METHODS or not 200 <= status < 300:
        return ()
    record.timer, headers = agree(request, call.engine.now())
    return tuple(headers)


def is_refresh(request: Request) -> bool:
    """Say whether a request does nothing but refresh the session: the container answers it."""
    return request.method == "UPDATE" and not has_sdp(request) and "session-expires" in request.headers


def take(call: Call, record: SipRecord, response: Response) -> None:
    """Take up what the peer grants with a 2xx; it may also say that there is no timer any more."""
    if response.method in METHODS and 200 <= response.status < 300:
        record.timer = granted(response, call.engine.now())


def ask(call: Call, record: SipRecord, method: str) -> Headers:
    """Return the headers of a request of ours that ask for a timer, if it may and if we have or want one."""
    if method not in METHODS:
        return ()
    if record.timer is not None:
        return tuple(refresh_headers(record.timer))
    wanted = call.engine.session_expires if record.dialog is None else 0
    return (("Supported", OPTION), ("Session-Expires", str(wanted))) if wanted else ()


def longer(response: Response, request: Request) -> Headers:
    """Return what an INVITE has to say that was refused with 422, nothing if it is not worth a second try."""
    try:
        least = response.one(MIN_SE_HEADER)
    except ValueError:
        least = None
    if response.status != 422 or least is None or "min-se" in request.headers:
        return ()
    return (("Session-Expires", str(least.seconds)), ("Min-SE", str(least.seconds)))


def expire(container: Container, call: Call, now: float) -> None:
    """Refresh the sessions that it is our turn to refresh, and end those that nobody has refreshed."""
    for record in list(call.section("sessions", Sessions).sips.values()):
        timer = record.timer
        if timer is None or timer.due > now or record.state != "CONFIRMED":
            continue
        try:
            if timer.refreshes:
                record.refresh = container.sending.request(container.sending.in_dialog(call, record, "UPDATE"))
            else:
                log.info("call %s: nobody has refreshed the session %s", call.key, record.id)
                container.sending.in_dialog(call, record, "BYE").send()
                container.tell(call, record, "session_expired")
        except ServletError as error:
            log.info("call %s: the session %s could not be refreshed: %s", call.key, record.id, error)
        record.timer = None


def next_due(record: SipRecord) -> float:
    """Return when the session has to be refreshed or ended."""
    return inf if record.timer is None else record.timer.due
