"""What the tests of dye flags and rules see of a message, and what its context tells of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from operator import attrgetter
from typing import Any

import msgspec

VALUE_LIMIT = 8_192
"""Characters of a header value that a pattern sees."""

KEY_LIMIT = 512
"""Characters of a value that rules are looked up by; a longer one is nobody's."""


class Facts(msgspec.Struct):
    """A SIP message or an HTTP request at a dye point.

    Shape: a SIP message that enters has its ``item``, one that leaves has none; an HTTP request is ``request``. Both
    are read by attribute. ``message`` is None for an item without one, ``flow`` where it came from or goes,
    ``authenticated`` the user as soon as his credentials were found right.
    """

    message: Any = None
    flow: Any = None
    item: Any = None
    request: Any = None
    authenticated: str = ""

    @property
    def user(self) -> str:
        """The user who is known to have sent it, empty for none; of an HTTP request the gateway may have told."""
        if self.request is None:
            return self.authenticated
        return self.authenticated or self.request.remote_user or ""

    @property
    def address(self) -> str:
        """The address at the other end, empty when it is not known."""
        found = self.flow.remote_host if self.request is None and self.flow is not None else None
        if self.request is not None:
            found = self.request.remote_addr
        return canonical(found) if found else ""

    @property
    def is_response(self) -> bool:
        """Whether it is a SIP response."""
        return getattr(self.message, "status", None) is not None

    def headers(self, name: str) -> tuple[str, ...]:
        """Return the values of the header lines of a name."""
        if self.request is not None:
            return tuple(self.request.headers.getlist(name))
        return () if self.message is None else tuple(self.message.headers.get_all(name))


Test = Callable[[Facts], bool]


@lru_cache(maxsize=4_096)
def canonical(host: str) -> str:
    """Return an address in its one spelling, IPv4 in IPv6 as IPv4; what is none stays as it is."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:KEY_LIMIT]
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(maxsize=4_096)
def party(uri: str) -> str:
    """Return whom a URI names: ``user@host``, or the digits of a number; scheme, port, parameters do not count."""
    scheme, _, rest = uri.strip().partition(":")
    scheme = scheme.lower()
    if scheme == "tel":
        return "tel:" + "".join(one for one in rest.partition(";")[0] if one.isdigit() or one == "+")
    if scheme not in {"sip", "sips"}:
        return uri.strip()[:KEY_LIMIT]
    user, at, host = rest.rpartition("@")
    host = host.partition(";")[0].partition("?")[0].lower()
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0].rstrip(".")
    return f"{user.partition(':')[0]}{at}{host}"


def uri_in(value: str) -> str:
    """Return the URI of a header like From, as it stands there."""
    found = value.rpartition("<")[2].partition(">")[0] if "<" in value else value.partition(";")[0]
    return found if len(found) <= KEY_LIMIT else ""


SESSION = "WSESSION"
"""The cookie by which the server knows the session of a browser."""

_KEY = re.compile(r"\.([0-9a-f]{20})(?![0-9a-f])")


def key_in(message: Any) -> str | None:
    """Return the key of the call that a message of ours belongs to, as its branch or its tag says."""
    if message is None:
        return None
    for name in ("via", "to", "from"):
        found = _KEY.search(message.headers.get(name) or "")
        if found is not None:
            return found[1]
    return None


def key_of_session(request: Any) -> str | None:
    """Return the key of the call that the session of a browser belongs to, as its cookie says, signed or not."""
    try:
        found = _KEY.search(request.cookies.get(SESSION, ""))
    except Exception:  # noqa: BLE001 - a browser may send anything
        return None
    return None if found is None else found[1]


class MessageFacts(Mapping[str, object]):
    """What the context tells of a message, looked up when somebody asks.

    Shape: the key of a message that an HTTP servlet has made is the one in its branch or tag; ``transaction_id`` is the
    branch of the top Via; ``user_id`` is whom From names, as ``user_source`` says, until the user's credentials were
    found right.
    """

    READ: Mapping[str, Callable[[Any], object]] = {
        "method": attrgetter("method"),
        "status": lambda message: getattr(message, "status", None),
        "call_id": attrgetter("call_id"),
        "transaction_id": lambda message: message.via.branch,
        "user_id": lambda message: party(message.from_.uri),
        "user_source": lambda message: message.from_.uri and "From",
    }

    def __init__(self, message: Any, call: Any) -> None:
        self._message = message
        self._call = call

    def __getitem__(self, name: str) -> object:
        try:
            if name == "call_key":
                return self._call_key()
            return self.READ[name](self._message)
        except (AttributeError, ValueError):
            return None  # a header that nobody can read is no fault of the monitor that shows it

    def _call_key(self) -> str | None:
        return key_in(self._message) if self._call is None else getattr(self._call, "key", None)

    def __iter__(self) -> Iterator[str]:
        return iter(("call_key", *self.READ))

    def __len__(self) -> int:
        return 1 + len(self.READ)


class RequestFacts(MessageFacts):
    """The same of an HTTP request; ``transaction_id`` is the X-Request-ID that came with it, the user the gateway's."""

    READ = {
        "method": attrgetter("method"),
        "path": attrgetter("path"),
        "transaction_id": lambda request: request.headers.get("X-Request-ID"),
        "user_id": lambda request: request.remote_user or None,
        "user_source": lambda request: "gateway" if request.remote_user else None,
    }

    def _call_key(self) -> str | None:
        return key_of_session(self._message)
