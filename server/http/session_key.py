"""The key of an HTTP session on its way: a signed cookie, or for clients without cookies a path parameter.

The cookie is ``WSESSION``, to be set HttpOnly and SameSite=Lax; the parameter is ``;wsession=`` at the end of the path.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from itsdangerous import BadSignature, Signer

COOKIE = "WSESSION"
PARAMETER = ";wsession="

_IN_PATH = re.compile(re.escape(PARAMETER) + r"([^;/]*)")
_PATH_END = re.compile(r"[?#]|\Z")


class SessionKeys:
    """Signs and checks session ids; what is not signed by us is no session."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, salt="http-session", digest_method=hashlib.sha256)

    def format(self, session_id: str) -> str:
        """Return the signed form of a session id, for a cookie or a path."""
        return self._signer.sign(session_id).decode("ascii")

    def parse(self, value: str) -> str | None:
        """Return the session id of a signed form, None when it is not signed by us."""
        try:
            return self._signer.unsign(value).decode("ascii")
        except (BadSignature, UnicodeError):
            return None

    def encode_url(self, url: str, session_id: str) -> str:
        """Return the URL with the session at the end of its path, in place of one that stands there.

        Shape: only for URLs of this server; whoever gets the URL has the session.
        """
        end = _PATH_END.search(url)
        assert end is not None
        path = _IN_PATH.sub("", url[: end.start()])
        return f"{path}{PARAMETER}{self.format(session_id)}{url[end.start() :]}"

    def strip(self, environ: dict[str, Any]) -> str | None:
        """Take the session out of a request's path; return its id."""
        path = environ.get("PATH_INFO", "")
        found = _IN_PATH.search(path)
        if found is None:
            return None
        environ["PATH_INFO"] = _IN_PATH.sub("", path)
        return self.parse(found[1])
