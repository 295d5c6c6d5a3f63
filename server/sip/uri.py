"""URIs: sip and sips (RFC 3261 19.1), tel (RFC 3966), and any other scheme as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, unquote

from server.sip.grammar import HOST, check_line, is_number
from server.sip.params import Params, format_params, parse_params

MAX_REMEMBERED = 256
"""Characters of a text whose parsed form is remembered: what the network sends cannot fill the memory."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_NEVER = re.compile(r'[\x00-\x20\x7f<>"]')
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_RESERVED = frozenset(";/?:@&=+$,")
"""What an escape keeps apart from itself when two URIs are compared (RFC 3261 19.1.4, RFC 2396 2.2)."""
_NUMBER = re.compile(r"(?:\+[0-9().-]+|[0-9A-Fa-f*#().-]+)\Z")
_THIRD_COLON = re.compile(r":::(?=[0-9]+\.)")
_SEPARATORS = str.maketrans("", "", "-.()")
_MATTERS_ALONE = frozenset({"user", "ttl", "method", "maddr", "transport"})
"""Parameters that make a URI another one than the same without them."""
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
        return f"{self.scheme}:{user}{canonical_host(self.host)}"


@dataclass(frozen=True, slots=True)
class TelUri:
    """A tel: URI (RFC 3966); ``number`` is as written, visual separators and all.

    A local number without ``phone-context`` is tolerated.
    """

    number: str
    params: Params = field(default_factory=dict, hash=False)
    scheme: str = "tel"

    @property
    def is_global(self) -> bool:
        """Whether the number begins with ``+`` and a country."""
        return self.number.startswith("+")

    def digits(self) -> str:
        """Return the number without visual separators."""
        return self.number.translate(_SEPARATORS)

    def __str__(self) -> str:
        return f"tel:{self.number}{format_params(self.params)}"


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of another scheme."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"


Uri = SipUri | TelUri | OtherUri


def parse_uri(text: str) -> Uri:
    """Parse a URI.

    Errors: ValueError, with the reason.
    """
    return _remembered(text) if len(text) <= MAX_REMEMBERED else _parse(text)


def _parse(text: str) -> Uri:
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.match(scheme):
        raise ValueError("there is no scheme such as sip:")
    if _NEVER.search(text):
        raise ValueError("there is a blank, control character, quote or angle bracket in it")
    check_line(text, "a URI")
    scheme = scheme.lower()
    if scheme == "tel":
        return _parse_tel(rest)
    if scheme not in {"sip", "sips"}:
        return OtherUri(scheme, rest)
    return _parse_sip(scheme, rest)


_remembered = lru_cache(maxsize=2048)(_parse)


def _parse_tel(rest: str) -> TelUri:
    number, _, params = rest.partition(";")
    if not _NUMBER.match(number) or not number.strip("+-.()"):
        raise ValueError(f"{number[:40]!r} is no telephone number")
    return TelUri(number, parse_params(params))


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
            _ipv6(address[1:])
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

    Source: RFC 3261 19.1.4; RFC 3966 5 for tel; RFC 5954 4.2 for IPv6 addresses.
    """
    if isinstance(one, TelUri) and isinstance(other, TelUri):
        return _tel_key(one) == _tel_key(other)
    if not isinstance(one, SipUri) or not isinstance(other, SipUri):
        return str(one) == str(other)
    if _address(one) != _address(other):
        return False
    for name in {*one.params, *other.params}:
        in_both = name in one.params and name in other.params
        if in_both and _folded(one.params[name]) != _folded(other.params[name]):
            return False
        if not in_both and name in _MATTERS_ALONE:
            return False
    return _headers(one) == _headers(other)


def _address(uri: SipUri) -> tuple[str, str | None, str | None, str, int | None]:
    user = None if uri.user is None else _comparable(uri.user)
    password = None if uri.password is None else _comparable(uri.password)
    return uri.scheme, user, password, canonical_host(uri.host), uri.port


def _ipv6(text: str) -> IPv6Address:
    """Parse an address; a third colon before a dotted quad, which the grammar of RFC 3261 had, is tolerated.

    Source: RFC 5118 4.10.
    """
    return IPv6Address(_THIRD_COLON.sub("::", text) if ":::" in text else text)


def canonical_host(host: str) -> str:
    """Return the one spelling of a host: lower case, an IPv6 address in its shortest form, in brackets.

    Errors: ValueError for brackets around what is no IPv6 address.
    Source: RFC 5954 4.2.
    """
    return f"[{_ipv6(host[1:-1]).compressed}]" if host.startswith("[") else host.lower()


def _comparable(text: str) -> str:
    """Undo the escapes that make no difference."""

    def undo(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return escape[0].upper() if character in _RESERVED or not character.isascii() else character

    return _ESCAPE.sub(undo, text) if "%" in text else text


def _folded(text: str | None) -> str:
    return _comparable(text or "").lower()


def _headers(uri: SipUri) -> list[str]:
    return sorted(_folded(uri.headers).split("&"))


def _tel_key(uri: TelUri) -> tuple[str, dict[str, str]]:
    """Return what two equal tel URIs have in common: digits, and parameters in any order and case."""
    return uri.digits().lower(), {name: _folded(value).translate(_SEPARATORS) for name, value in uri.params.items()}
