"""The kinds of dye rules, and what they read of a message.

A rule is exact, one value of one attribute, or a pattern. All exact rules over an attribute are one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from monitors.flags import BOTH, HTTP, SIP, USER, text
from monitors.header_pattern import text_or_pattern
from monitors.http_flags import COOKIE
from monitors.message_facts import KEY_LIMIT, Facts, Test, canonical, party, uri_in
from weaver.api import Plugins

Raw = Callable[[Any, Any], str | None]
"""A SIP message, an HTTP request or a user, and the flow of a message -> what stands there, None for nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """Something that exact rules are looked up by.

    Shape: ``raw`` takes it, as it stands, from what is at a place; ``fold`` returns what is compared.
    """

    raw: Mapping[str, Raw]
    fold: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Exact:
    """A rule for one value of an attribute, folded."""

    attribute: Attribute
    key: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule for what a test says."""

    test: Test


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule; ``applies`` says to what its rules are put, as of a flag."""

    name: str
    compiler: Callable[[str], Exact | Pattern]
    description: str
    applies: frozenset[str]

    def compile(self, value: str) -> Exact | Pattern:
        """Return the value, read.

        Errors: ValueError.
        """
        return self.compiler(text(value))


def _cut(value: str) -> str:
    return value[:KEY_LIMIT]


def _folded(value: str) -> str:
    return value[:KEY_LIMIT].strip().lower()


def _party_in(value: str) -> str:
    return party(uri_in(value.strip()))


def _party(uri: str) -> str:
    return party(uri) if len(uri) <= KEY_LIMIT else ""


def _sip_header(name: str) -> Raw:
    """Return what takes the first line of a header; blanks around it fall away when it is folded."""

    def raw(message: Any, flow: Any) -> str | None:
        del flow
        first = message.headers.first
        found: str | None = first[name] if name in first else message.headers.get(name)  # a compact name is folded
        return found

    return raw


CALLER = Attribute({"sip": _sip_header("from")}, _party_in)
CALLEE = Attribute({"sip": _sip_header("to")}, _party_in)
CALL_ID = Attribute({"sip": lambda message, _flow: message.call_id}, _cut)
URI = Attribute({"sip": lambda message, _flow: getattr(message, "uri", None)}, _party)
ADDRESS = Attribute(
    {"sip": lambda _message, flow: flow and flow.remote_host, "http": lambda request, _flow: request.remote_addr},
    canonical,
)
NAME = Attribute({"http": lambda request, _flow: request.remote_user, "user": lambda name, _flow: name}, _cut)


@cache
def _header(name: str) -> Attribute:
    """Return the attribute of a header's first line; the same one for the same name."""
    return Attribute({"sip": _sip_header(name), "http": lambda request, _flow: request.headers.get(name)}, _folded)


@cache
def _cookie(name: str) -> Attribute:
    return Attribute({"http": lambda request, _flow: request.cookies.get(name)}, _cut)


@cache
def _query(name: str) -> Attribute:
    return Attribute({"http": lambda request, _flow: request.args.get(name)}, _cut)


def _whom(attribute: Attribute) -> Callable[[str], Exact]:
    def compiled(value: str) -> Exact:
        if ":" not in value or len(value) > KEY_LIMIT:
            raise ValueError("this is no URI, like sip:alice@example.com")
        return Exact(attribute, party(value))

    return compiled


def call_id(value: str) -> Exact:
    """Match a Call-ID."""
    return Exact(CALL_ID, _cut(value))


def header(value: str) -> Exact | Pattern:
    """Match ``NAME=VALUE``, the first line, case ignored, or ``NAME~PATTERN`` in any line."""
    sign = min((value.find(one) for one in "=~" if one in value), default=-1)
    name = value[: max(sign, 0)].strip().lower()
    if not name or not value[sign + 1 :]:
        raise ValueError("this is not NAME=VALUE or NAME~PATTERN")
    if value[sign] == "=":
        return Exact(_header(name), _folded(value[sign + 1 :]))
    matches = text_or_pattern(value[sign + 1 :])
    return Pattern(lambda facts: any(matches(line) for line in facts.headers(name)))


def address(value: str) -> Exact | Pattern:
    """Match an address or a network."""
    if "/" not in value:
        return Exact(ADDRESS, canonical(str(ip_address(value))))
    network = ip_network(value, strict=False)

    @lru_cache(maxsize=4_096)
    def is_in(host: str) -> bool:
        try:
            return ip_address(host) in network
        except ValueError:
            return False

    def test(facts: Facts) -> bool:
        return is_in(facts.address)

    return Pattern(test)


def cookie(value: str) -> Exact:
    """Match ``NAME=VALUE``, or the value of the dye cookie."""
    name, sign, wanted = value.partition("=")
    return Exact(_cookie(name if sign else COOKIE), _cut(wanted if sign else value))


def user(value: str) -> Exact:
    """Match a user's name."""
    return Exact(NAME, _cut(value))


def query(value: str) -> Exact:
    """Match ``NAME=VALUE``."""
    name, sign, wanted = value.partition("=")
    if not name or not sign:
        raise ValueError("this is not NAME=VALUE")
    return Exact(_query(name), _cut(wanted))


KINDS = (
    Kind("caller", _whom(CALLER), "the URI in From: sip:alice@example.com", SIP),
    Kind("callee", _whom(CALLEE), "the URI in To: sip:bob@example.com", SIP),
    Kind("call-id", call_id, "the Call-ID, as it is", SIP),
    Kind("uri", _whom(URI), "user and host of the Request-URI: sip:bob@example.com", SIP),
    Kind("header", header, "a header: NAME=VALUE of its first line, or NAME~PATTERN", BOTH),
    Kind("address", address, "the address at the other end, or a network: 10.0.0.0/8", BOTH),
    Kind("user", user, "the user, once he is known", HTTP | USER),
    Kind("cookie", cookie, f"a cookie: NAME=VALUE, or the value of {COOKIE}", HTTP),
    Kind("query", query, "a parameter of the HTTP query: NAME=VALUE", HTTP),
)


def register(plugins: Plugins) -> None:
    """Contribute the kinds."""
    for kind in KINDS:
        plugins.rule_kind(kind)
