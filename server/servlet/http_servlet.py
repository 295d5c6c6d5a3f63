"""The base class of HTTP servlets, and the request that they get.

Requests and responses are werkzeug's; the request adds the converged session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from server.servlet.context import ServletContext
from server.servlet.sessions import HttpSession

HttpResponse = Response
"""What an HTTP servlet answers: status, headers and body."""


class HttpRequest(Request):
    """An HTTP request, with the session of its browser.

    Shape: ``path_info`` is the path below the servlet's own; ``work_class`` names the work class that it is served in.
    """

    max_content_length = 1 << 20
    path_info: str = "/"
    work_class: str = "http"
    open_session: Callable[[bool], HttpSession | None]

    def session(self) -> HttpSession:
        """Return the session of this browser, a new one if it has none; the response will carry its cookie.

        Switches: yes.
        """
        session = self.open_session(True)
        assert session is not None
        return session

    def existing_session(self) -> HttpSession | None:
        """Return the session of this browser, None if it has none."""
        return self.open_session(False)

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Errors: ValueError, in words for the client.
        """
        try:
            value = json.loads(self.get_data(cache=True))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ValueError("the body must be a JSON object")
        return value


def json_response(status: int, value: Mapping[str, Any], **headers: str) -> HttpResponse:
    """Return a JSON response that nobody caches."""
    response = HttpResponse(json.dumps(value, ensure_ascii=False) + "\n", status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    for name, text in headers.items():
        response.headers[name.replace("_", "-")] = text
    return response


class HttpServlet:
    """Serves HTTP requests below one path; override ``do_get`` and its like."""

    def __init__(self, context: ServletContext) -> None:
        self.context = context

    def service(self, request: HttpRequest) -> HttpResponse:
        """Call the ``do_`` method for the request's method."""
        serve = getattr(self, f"do_{request.method.lower()}", None)
        if serve is None:
            allow = sorted(name[3:].upper() for name in dir(self) if name.startswith("do_"))
            return json_response(405, {"error": f"{request.method} is not served here"}, Allow=", ".join(allow))
        response: HttpResponse = serve(request)
        return response
