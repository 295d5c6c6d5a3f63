"""The key of an HTTP session on its way: a signed cookie, or for clients without cookies a path parameter."""

from __future__ import annotations

from typing import Any

from itsdangerous import BadSignature, Signer

COOKIE = "WSESSION"
PARAMETER = ";wsession="


class SessionKeys:
    """Signs and checks session ids; what is not signed by us is no session."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, salt="http-session")

    def format(self, session_id: str) -> str:
        """Return the cookie value for a session id."""
        return self._signer.sign(session_id).decode("ascii")

    def parse(self, value: str) -> str | None:
        """Return the session id of a cookie value, None when it is not signed by us."""
        try:
            return self._signer.unsign(value).decode("ascii")
        except (BadSignature, UnicodeError):
            return None

    def encode_url(self, url: str, session_id: str) -> str:
        """Return the URL with the session in its path."""
        path, mark, query = url.partition("?")
        return f"{path}{PARAMETER}{self.format(session_id)}{mark}{query}"

    def strip(self, environ: dict[str, Any]) -> str | None:
        """Take the session out of a request's path; return its id."""
        path, mark, value = environ.get("PATH_INFO", "").partition(PARAMETER)
        if not mark:
            return None
        value, slash, rest = value.partition("/")
        environ["PATH_INFO"] = path + slash + rest
        return self.parse(value)
