"""URIs: sip and sips (RFC 3261 19.1), tel (RFC 3966, as text), and any other scheme as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from server.sip.grammar import HOST, check_line
from server.sip.params import Params, format_params, parse_params


@dataclass(frozen=True, slots=True)
class SipUri:
    """A sip: or sips: URI; ``user`` is as written, escapes and all."""

    scheme: str
    user: str | None
    password: str | None
    host: str
    port: int | None
    params: Params = field(default_factory=dict, hash=False)
    headers: str = ""

    def __str__(self) -> str:
        user = "" if self.user is None else f"{self.user}{'' if self.password is None else ':' + self.password}@"
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{format_params(self.params)}{headers}"

    def address_of_record(self) -> str:
        """Return user and host, without port and parameters, in one spelling.

        Source: RFC 3261 10.3 step 5.
        """
        user = "" if self.user is None else unquote(self.user) + "@"
        return f"{self.scheme}:{user}{self.host.lower()}"


@dataclass(frozen=True, slots=True)
class TelUri:
    """A tel: URI, as text behind the scheme."""

    number: str
    scheme: str = "tel"

    def __str__(self) -> str:
        return f"tel:{self.number}"


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of another scheme."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


Uri = SipUri | TelUri | OtherUri


@lru_cache(maxsize=4096)
def parse_uri(text: str) -> Uri:
    """Parse a URI.

    Errors: ValueError, with the reason.
    """
    check_line(text, "a URI")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not scheme or not scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        raise ValueError("there is no scheme such as sip:")
    if any(character in text for character in ' \t<>"'):
        raise ValueError("there is a blank, quote or angle bracket in it")
    if scheme == "tel":
        return TelUri(rest)
    if scheme not in {"sip", "sips"}:
        return OtherUri(scheme, rest)
    return _parse_sip(scheme, rest)


def _parse_sip(scheme: str, rest: str) -> SipUri:
    user: str | None
    userinfo, at, remainder = rest.rpartition("@")
    if at:
        user, colon, password = userinfo.partition(":")
        if not user or "@" in userinfo:
            raise ValueError("the part before @ is empty or holds another @")
    else:
        user, colon, password, remainder = None, "", "", rest
    body, _, headers = remainder.partition("?")
    hostport, _, params = body.partition(";")
    host, port = split_host_port(hostport)
    return SipUri(scheme, user, password if colon else None, host, port, parse_params(params), headers)


def split_host_port(text: str) -> tuple[str, int | None]:
    """Return host (an IPv6 address in brackets) and port of ``host[:port]``.

    Errors: ValueError.
    """
    if text.startswith("["):
        host, bracket, port = text.partition("]")
        host += bracket
        if port and not port.startswith(":"):
            raise ValueError(f"what follows ']' is no port: {text!r}")
        port = port[1:]
        colon = ":" if port else ""
    else:
        host, colon, port = text.partition(":")
    if not HOST.match(host):
        raise ValueError(f"{host!r} is no host")
    if not colon:
        return host, None
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise ValueError(f"{port!r} is no port")
    return host, int(port)


def uris_equal(one: Uri, other: Uri) -> bool:
    """Compare two URIs.

    Source: RFC 3261 19.1.4.
    """
    if not isinstance(one, SipUri) or not isinstance(other, SipUri):
        return str(one).lower() == str(other).lower()
    if (one.scheme, one.password, one.port, one.host.lower()) != (
        other.scheme,
        other.password,
        other.port,
        other.host.lower(),
    ):
        return False
    if (None if one.user is None else unquote(one.user)) != (None if other.user is None else unquote(other.user)):
        return False
    for name in {*one.params, *other.params}:
        in_both = name in one.params and name in other.params
        if in_both and (one.params[name] or "").lower() != (other.params[name] or "").lower():
            return False
        if not in_both and name in {"user", "ttl", "method", "maddr", "transport"}:
            return False
    return sorted(one.headers.lower().split("&")) == sorted(other.headers.lower().split("&"))
