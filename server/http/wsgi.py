"""From WSGI to HTTP servlets. ``handle_request`` is where every HTTP request enters an application.

The listener's greenlet runs the servlet; only what the servlet does inside ``application_session.lock()`` is an item of
a call's queue. The response leaves from within ``handle_request``, by the ``write`` that WSGI has for it: what makes
the pieces of a stream is part of the request, which ends when the last one is out or the client is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from functools import partial
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
Send = Callable[[HttpResponse], None]


class SessionOpener(Protocol):
    """The factory of an application, as far as HTTP needs it."""

    def open_http_session(self, session_id: str | None, *, create: bool) -> HttpSession | None:
        """Return the HTTP session with that id, or a new one."""
        ...


def handle_request(request: HttpRequest, servlet: HttpServlet, send: Send) -> None:
    """Have a servlet serve one request, and send its response to the last piece.

    Errors: whatever comes of sending, which has closed the response: a client that is gone, a stream that failed.
    Switches: as the servlet does, and while the client takes the response.
    """
    send(_served(request, servlet))


def _served(request: HttpRequest, servlet: HttpServlet) -> HttpResponse:
    """Return the response of a servlet; what it raises becomes one."""
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


def _write(environ: Environ, start_response: StartResponse, response: HttpResponse) -> None:
    """Write a response out and close it.

    Source: PEP 3333, "The write() Callable".
    """
    with closing(response):
        pieces, status, headers = response.get_wsgi_response(environ)
        write = start_response(status, headers)
        for piece in pieces:
            if piece:
                write(piece)


def _admit(request: HttpRequest, servlet: HttpServlet, work_class: WorkClass | None, send: Send) -> None:
    """Serve a request if its application has room for it; a response that is being sent takes none."""
    with ExitStack() as place:
        if work_class is not None:
            request.work_class = work_class.name
            if not place.enter_context(work_class.admitted()):
                send(json_response(503, {"error": f"{work_class.name} has too many requests"}, Retry_After="1"))
                return

        def leave(response: HttpResponse) -> None:
            place.close()
            send(response)

        handle_request(request, servlet, leave)


def _lies_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


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
        self._servlets = {path: servlets[path] for path in sorted(servlets, key=len, reverse=True)}
        self._keys = keys
        self._work_classes = work_classes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        encoded = self._keys.strip(environ)
        request = HttpRequest(environ)
        send = partial(_write, environ, start_response)
        path = next((path for path in self._servlets if _lies_below(request.path, path)), None)
        if path is None:
            send(json_response(404, {"error": f"nothing is served at {request.path}"}))
            return ()
        servlet, opener = self._servlets[path]
        request.path_info = "/" + request.path[len(path) :].lstrip("/")
        keep_session = self._session(request, opener, encoded)
        _admit(request, servlet, self._work_classes.get(path), lambda response: send(keep_session(response)))
        return ()

    def _session(
        self, request: HttpRequest, opener: SessionOpener, encoded: str | None
    ) -> Callable[[HttpResponse], HttpResponse]:
        """Give a request the session of its browser; return what puts the cookie of a new one into the response."""
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

        def keep(response: HttpResponse) -> HttpResponse:
            if opened and opened[0].id != session_id:
                response.set_cookie(COOKIE, self._keys.format(opened[0].id), httponly=True, samesite="Lax", path="/")
            return response

        request.open_session = open_session
        return keep
