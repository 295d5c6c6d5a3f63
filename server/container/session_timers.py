"""Session timers of SIP sessions: refreshed in time by one side, ended by a BYE of the other.

Source: RFC 4028.
"""

from __future__ import annotations

from math import inf

from server.container.records import SipRecord
from server.engine.call import Call
from server.sip.headers.table import MIN_SE as MIN_SE_HEADER
from server.sip.message import Request, Response
from server.sip.multipart import content_of
from server.sip.usage.offer import SDP, has_sdp
from server.sip.usage.session_timer import (
    METHODS,
    MIN_SE,
    OPTION,
    agree,
    allows_update,
    granted,
    is_too_short,
    refresh_headers,
)

Headers = tuple[tuple[str, str], ...]


def refusal_of(request: Request) -> tuple[int, Headers] | None:
    """Return 422 and what it says for a request that asks for too short an interval."""
    if request.method in METHODS and is_too_short(request):
        return 422, (("Min-SE", str(MIN_SE)),)
    return None


def may_describe(record: SipRecord, invite: Request) -> None:
    """Begin to keep what we describe in a session whose INVITE asks for a timer, for a refresh by INVITE."""
    if "session-expires" in invite.headers.first and not allows_update(invite):
        record.description = b""


def describe(record: SipRecord, message: Request | Response) -> None:
    """Keep the description that is sent, if it may have to be repeated."""
    if record.description is not None and has_sdp(message):
        record.description = content_of(message.body, message.content_type or "", SDP)


def accept(call: Call, record: SipRecord, request: Request, status: int) -> Headers:
    """Take up the timer that a request asks for and that we accept; return what the response says of it."""
    if request.method not in METHODS or not 200 <= status < 300:
        return ()
    record.timer, headers = agree(request, call.engine.now())
    _agreed(record, request)
    return tuple(headers)


def is_refresh(request: Request) -> bool:
    """Say whether a request does nothing but refresh the session: the container answers it."""
    return request.method == "UPDATE" and not has_sdp(request) and "session-expires" in request.headers


def take(call: Call, record: SipRecord, response: Response) -> None:
    """Take up what the peer grants with a 2xx; it may also say that there is no timer any more."""
    if response.method in METHODS and 200 <= response.status < 300:
        record.timer = granted(response, call.engine.now())
        _agreed(record, response)


def _agreed(record: SipRecord, message: Request | Response) -> None:
    """Learn from a message of the peer how it can be refreshed."""
    allowed = allows_update(message)
    if allowed is not None:
        record.by_invite = not allowed
    if record.timer is None or allowed:
        record.description = None


def ask(call: Call, record: SipRecord, method: str) -> Headers:
    """Return the headers of a request of ours that ask for a timer, if it may and if we have or want one."""
    if method not in METHODS:
        return ()
    if record.timer is not None:
        return tuple(refresh_headers(record.timer))
    wanted = call.engine.session_expires if record.dialog is None else 0
    if wanted:
        record.description = b""
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


def next_due(record: SipRecord) -> float:
    """Return when the session has to be refreshed or ended."""
    return inf if record.timer is None else record.timer.due
