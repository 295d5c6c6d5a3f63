"""From WSGI to HTTP servlets. ``handle_request`` is where every HTTP request enters an application.

The listener's greenlet runs the servlet; only what the servlet does inside ``application_session.lock()`` is an item of
a call's queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from werkzeug.exceptions import HTTPException

from server.engine.work_classes import WorkClass
from server.http.session_key import COOKIE, SessionKeys
from server.servlet.errors import BusyError, ServletError
from server.servlet.http_servlet import HttpRequest, HttpResponse, HttpServlet, json_response
from server.servlet.sessions import HttpSession

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]


class SessionOpener(Protocol):
    """The factory of an application, as far as HTTP needs it."""

    def open_http_session(self, session_id: str | None, *, create: bool) -> HttpSession | None:
        """Return the HTTP session with that id, or a new one."""
        ...


def handle_request(request: HttpRequest, servlet: HttpServlet) -> HttpResponse:
    """Have a servlet serve one request; what it raises becomes a response."""
    try:
        return servlet.service(request)
    except HTTPException as error:
        return json_response(error.code or 500, {"error": error.description or error.name})
    except BusyError as error:
        return json_response(503, {"error": f"the call is busy: {error}"}, Retry_After="1")
    except ServletError as error:
        return json_response(409, {"error": str(error)})
    except Exception:
        log.exception("%s failed on %s %s", type(servlet).__name__, request.method, request.path)
        return json_response(500, {"error": "the application failed; see the server's log"})


class WsgiApplication:
    """Finds the servlet for a path and keeps the session cookie.

    Shape: ``servlets`` maps a path to a servlet and its session opener; the longest path that fits serves.
    ``work_classes`` maps a path to the work class of its application; without one it is served without a limit.
    """

    def __init__(
        self,
        servlets: Mapping[str, tuple[HttpServlet, SessionOpener]],
        keys: SessionKeys,
        work_classes: Mapping[str, WorkClass] = MappingProxyType({}),
    ) -> None:
        self._servlets = sorted(servlets.items(), key=lambda entry: len(entry[0]), reverse=True)
        self._keys = keys
        self._work_classes = work_classes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        encoded = self._keys.strip(environ)
        request = HttpRequest(environ)
        for path, (servlet, opener) in self._servlets:
            if request.path == path or request.path.startswith(path.rstrip("/") + "/"):
                response = self._admit(request, path, servlet, opener, encoded)
                break
        else:
            response = json_response(404, {"error": f"nothing is served at {request.path}"})
        return response(environ, start_response)

    def _admit(
        self, request: HttpRequest, path: str, servlet: HttpServlet, opener: SessionOpener, encoded: str | None
    ) -> HttpResponse:
        """Serve a request if its application has room for it."""
        work_class = self._work_classes.get(path)
        if work_class is None:
            return self._serve(request, path, servlet, opener, encoded)
        request.work_class = work_class.name
        with work_class.admitted() as admitted:
            if admitted:
                return self._serve(request, path, servlet, opener, encoded)
        return json_response(503, {"error": f"{work_class.name} has too many requests"}, Retry_After="1")

    def _serve(
        self, request: HttpRequest, path: str, servlet: HttpServlet, opener: SessionOpener, encoded: str | None
    ) -> HttpResponse:
        cookie = request.cookies.get(COOKIE)
        session_id = self._keys.parse(cookie) if cookie else encoded
        opened: list[HttpSession] = []

        def open_session(create: bool) -> HttpSession | None:
            if not opened:
                session = opener.open_http_session(session_id, create=create)
                if session is None:
                    return None
                opened.append(session)
            return opened[0]

        request.path_info = "/" + request.path[len(path) :].lstrip("/")
        request.open_session = open_session
        response = handle_request(request, servlet)
        if opened and opened[0].id != session_id:
            response.set_cookie(COOKIE, self._keys.format(opened[0].id), httponly=True, samesite="Lax", path="/")
        return response
