"""The HTTP side: the page, and the same as JSON.

``POST /calls {"caller", "callee"}`` -> 201 ``{"id", "state", ...}``; ``GET /calls/ID``; ``DELETE /calls/ID`` hangs up.
A call's id carries the id of its application session and is not to be guessed.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

from apps.click2call import call as calls
from apps.click2call.policy import CallRefusedError, RateCap, check_target, is_loopback
from apps.click2call.servlets import Click2CallServlet
from server.servlet import (
    HttpRequest,
    HttpResponse,
    HttpServlet,
    ServletContext,
    ServletError,
    SipApplicationSession,
    json_response,
)

PAGE = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
FILES = {"/": "index.html", "/style.css": "style.css", "/page.js": "page.js"}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class PageServlet(HttpServlet):
    """Serves the page and what it needs to know."""

    def __init__(self, context: ServletContext) -> None:
        super().__init__(context)
        self._files = {path: (PAGE / name).read_bytes() for path, name in FILES.items()}

    def do_get(self, request: HttpRequest) -> HttpResponse:
        """Return a file of the page, or ``/config``: what to fill the form with."""
        if request.path_info == "/config":
            address = self.context.server["sip_address"]
            demo = bool(self.context.server["demo"])
            caller, callee = (f"sip:{name}@{address}" if demo else "" for name in ("alice", "bob"))
            return json_response(200, {"demo": demo, "caller": caller, "callee": callee})
        content = self._files.get(request.path_info)
        if content is None:
            return json_response(404, {"error": f"nothing is served at {request.path}"})
        if request.path_info == "/":
            request.session()
        suffix = Path(FILES[request.path_info]).suffix
        return HttpResponse(content, 200, {**SECURITY, "Content-Type": TYPES[suffix], "Cache-Control": "no-cache"})


class CallsServlet(HttpServlet):
    """Starts, shows and ends calls."""

    def __init__(self, context: ServletContext) -> None:
        super().__init__(context)
        self._sip = Click2CallServlet(context)
        self._allowed: list[str] = list(context.settings["allowed_targets"])
        self._per_session = RateCap(int(context.settings["calls_per_minute"]))
        self._per_address = RateCap(int(context.settings["calls_per_minute_per_address"]))

    def do_post(self, request: HttpRequest) -> HttpResponse:
        """Start a call."""
        if request.path_info != "/":
            return json_response(404, {"error": "POST to /calls"})
        try:
            caller, callee = self._parties(request)
            self._check_rate(request)
            session = request.session().application_session
            call_id = f"{secrets.token_hex(8)}.{session.id}"
            with session.lock() as own:
                call = self._sip.start(own, call_id, caller, callee)
        except CallRefusedError as error:
            return json_response(error.status, {"error": error.reason, "field": error.field})
        return json_response(201, calls.public(call), Location=f"/calls/{call_id}")

    def do_get(self, request: HttpRequest) -> HttpResponse:
        """Show a call; it is read as it was stored last, without waiting for it."""
        session, call_id = self._session(request)
        try:
            known = session.snapshot().get("calls") if session is not None else None
        except ServletError:
            known = None
        call: Any = known.get(call_id) if isinstance(known, dict) else None
        return _unknown(call_id) if call is None else json_response(200, calls.public(call))

    def do_delete(self, request: HttpRequest) -> HttpResponse:
        """Hang up; a call that has ended stays as it is."""
        session, call_id = self._session(request)
        if session is None:
            return _unknown(call_id)
        with session.lock() as own:
            call = calls.load(own, call_id)
            if call is not None and call["state"] not in calls.ENDED:
                self._sip.hang_up(own, call)
        return _unknown(call_id) if call is None else json_response(200, calls.public(call))

    def _parties(self, request: HttpRequest) -> tuple[str, str]:
        origin = request.headers.get("Origin")
        if origin and origin.partition("://")[2] != request.host:
            raise CallRefusedError(403, f"a page of {origin} may not start calls here")
        if request.mimetype != "application/json":
            raise CallRefusedError(400, "send the call as application/json")
        try:
            body = request.json_object()
        except ValueError as error:
            raise CallRefusedError(400, str(error)) from error
        for name in body:
            if name not in {"caller", "callee"}:
                raise CallRefusedError(400, f"{name!r} is not known; give caller and callee", name)
        found = []
        for field in ("caller", "callee"):
            value = body.get(field)
            if not isinstance(value, str) or not value.strip():
                raise CallRefusedError(
                    400, f"{field} is missing: give a SIP address such as sip:alice@127.0.0.1", field
                )
            found.append(check_target(value, self.context.registrar, self._allowed, field))
        return found[0], found[1]

    def _check_rate(self, request: HttpRequest) -> None:
        now = time.monotonic()
        session = request.existing_session()
        if session is not None and not self._per_session.take(session.id, now):
            raise CallRefusedError(429, "too many calls in a minute from this browser; wait a little")
        address = request.remote_addr or ""
        if not is_loopback(address) and not self._per_address.take(address, now):
            raise CallRefusedError(429, "too many calls in a minute from this address; wait a little")

    def _session(self, request: HttpRequest) -> tuple[SipApplicationSession | None, str]:
        call_id = request.path_info.strip("/")
        return self.context.factory.application_session(call_id.partition(".")[2]), call_id


def _unknown(call_id: str) -> HttpResponse:
    return json_response(404, {"error": f"there is no call {call_id}"})
