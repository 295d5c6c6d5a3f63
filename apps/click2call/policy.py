"""Who may be called: registered phones, loopback, and what the configuration allows; and how often."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import ip_address

from server.servlet import Registrar, SipUri, parse_uri


class CallRefusedError(Exception):
    """A call that may not be made.

    Shape: ``status`` is the HTTP and SIP status, ``field`` the form field at fault or empty.
    """

    def __init__(self, status: int, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field


def check_target(text: str, registrar: Registrar, allowed: Iterable[str], field: str = "") -> str:
    """Return the URI in its normal spelling if it may be called.

    Errors: CallRefusedError 400 for what is no SIP URI, 403 for a target that is not allowed.
    """
    text = text.strip()
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise CallRefusedError(400, f"{text!r} is no SIP address: {error}", field) from error
    if not isinstance(uri, SipUri) or uri.scheme != "sip":
        raise CallRefusedError(400, f"{text!r} is no SIP address; write sip:name@host", field)
    if uri.headers:
        raise CallRefusedError(400, f"{text!r} carries headers, which a SIP address to call may not", field)
    host = uri.params.get("maddr") or uri.host  # where the request goes (RFC 3261 19.1.1)
    if is_loopback(host) or any(fnmatchcase(f"sip:{uri.user or ''}@{host}", p) for p in allowed):
        return str(uri)
    if registrar.lookup(text):
        return str(uri)
    raise CallRefusedError(
        403,
        f"{text} may not be called: it is no phone that is registered here, not on this machine, "
        "and not among the allowed_targets of the configuration",
        field,
    )


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class RateCap:
    """At most ``limit`` calls a minute for each client; clients that were quiet for a minute are forgotten."""

    MINUTE = 60.0
    CLIENTS = 10_000

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: dict[str, deque[float]] = {}

    def take(self, client: str, now: float) -> bool:
        """Count one call of a client; False when it has used up its minute.

        Units: ``now`` seconds on any clock that does not jump.
        """
        times = self._times.setdefault(client, deque())
        while times and times[0] <= now - self.MINUTE:
            times.popleft()
        if len(times) >= self._limit:
            return False
        times.append(now)
        if len(self._times) > self.CLIENTS:
            self._times = {c: t for c, t in self._times.items() if t and t[-1] > now - self.MINUTE}
        return True
