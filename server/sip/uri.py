"""URIs: sip and sips (RFC 3261 19.1), tel (RFC 3966, as text), and any other scheme as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, unquote

from server.sip.grammar import HOST, check_line, is_number
from server.sip.params import Params, format_params, parse_params

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_NEVER = re.compile(r'[\x00-\x20\x7f<>"]')
_USER_SAFE = "!*'()&=+$,;?/"
"""Besides letters, digits and ``-_.~``, what a user part holds without an escape (RFC 3261 25.1 user)."""


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
        """Return user and host, without port and parameters, in one spelling: a URI again.

        Source: RFC 3261 10.3 step 5.
        """
        user = "" if self.user is None else escape_user(unescape(self.user)) + "@"
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


@lru_cache(maxsize=2048)
def parse_uri(text: str) -> Uri:
    """Parse a URI.

    Errors: ValueError, with the reason.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.match(scheme):
        raise ValueError("there is no scheme such as sip:")
    if _NEVER.search(text):
        raise ValueError("there is a blank, control character, quote or angle bracket in it")
    check_line(text, "a URI")
    scheme = scheme.lower()
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
        address, bracket, rest = text.partition("]")
        host = address + bracket
        if HOST.match(host):
            IPv6Address(address[1:])
        nothing, colon, port = rest.partition(":")
        if nothing:
            raise ValueError(f"what follows ']' is no port: {text!r}")
    else:
        host, colon, port = text.partition(":")
    if not HOST.match(host):
        raise ValueError(f"{host!r} is no host")
    if not colon:
        return host, None
    if not is_number(port, 5) or int(port) > 65535:
        raise ValueError(f"{port!r} is no port")
    return host, int(port)


def escape_user(text: str) -> str:
    """Return any text as the user part of a URI, with what may not stand there as ``%XX``.

    Source: RFC 3261 19.1.2.
    """
    return quote(text, _USER_SAFE, "utf-8", "surrogateescape")


def unescape(text: str) -> str:
    """Undo ``%XX``, once; bytes that are no UTF-8 stay apart from each other (surrogateescape)."""
    return unquote(text, "utf-8", "surrogateescape") if "%" in text else text


def uris_equal(one: Uri, other: Uri) -> bool:
    """Compare two URIs.

    Source: RFC 3261 19.1.4.
    """
    if not isinstance(one, SipUri) or not isinstance(other, SipUri):
        return str(one).lower() == str(other).lower()
    if _address(one) != _address(other):
        return False
    for name in {*one.params, *other.params}:
        in_both = name in one.params and name in other.params
        if in_both and unescape(one.params[name] or "").lower() != unescape(other.params[name] or "").lower():
            return False
        if not in_both and name in {"user", "ttl", "method", "maddr", "transport"}:
            return False
    return sorted(unescape(one.headers).lower().split("&")) == sorted(unescape(other.headers).lower().split("&"))


def _address(uri: SipUri) -> tuple[str, str | None, str | None, str, int | None]:
    user = None if uri.user is None else unescape(uri.user)
    password = None if uri.password is None else unescape(uri.password)
    return uri.scheme, user, password, uri.host.lower(), uri.port
