"""Session timers of what is proxied: asked for where nobody asks, and the end of what nobody refreshes.

The two user agents refresh; a proxy that asked lends its voice to the one that knows timers where the other does not.

Source: RFC 4028 8.
"""

from __future__ import annotations

from server.container.records import SipRecord
from server.engine.call import Call
from server.sip.headers.table import MIN_SE, SESSION_EXPIRES
from server.sip.message import Request, Response
from server.sip.usage.options import supports
from server.sip.usage.session_timer import METHODS, OPTION, SessionTimer
from server.sip.usage.session_timer import MIN_SE as SHORTEST


def asked(request: Request, seconds: int) -> Request:
    """Return a request as it goes on: with that interval if it has none or a longer one, but none below its Min-SE.

    Units: seconds.
    Source: RFC 4028 8.1.
    """
    if request.method not in METHODS:
        return request
    try:
        given, least = request.one(SESSION_EXPIRES), request.one(MIN_SE)
    except ValueError:
        return request
    wanted = max(seconds, SHORTEST, 0 if least is None else least.seconds)
    if given is None:
        return request.with_header("Session-Expires", str(wanted))
    if given.seconds <= wanted:
        return request
    value = SESSION_EXPIRES.format(type(given)(wanted, given.params, given.comment))
    return request.with_header("Session-Expires", value)


def told(response: Response, request: Request, sent: Request) -> Response:
    """Return a 2xx as it goes back: a caller who knows timers refreshes for a callee who does not.

    Shape: ``request`` is as it came, ``sent`` as it went on.
    Source: RFC 4028 8.2.
    """
    value = sent.headers.get("session-expires")
    if value is None or "session-expires" in response.headers or not supports(request, OPTION):
        return response
    response = response.with_header("Session-Expires", f"{value.partition(';')[0].strip()};refresher=uac")
    return response.with_added("Require", OPTION)


def watch(call: Call, record: SipRecord, response: Response) -> None:
    """Take up, or set anew, the timer that two user agents agree on; without one the session may last for ever."""
    if response.method not in METHODS:
        return
    try:
        agreed = response.one(SESSION_EXPIRES) if "session-expires" in response.headers.first else None
    except ValueError:
        agreed = None
    record.timer = None
    if agreed is not None:
        record.timer = SessionTimer(agreed.seconds, False, call.engine.now() + max(agreed.seconds, SHORTEST))
