"""The kinds of dye rules, and what they read of a message.

A rule is exact, one value of one attribute, or a pattern. All exact rules over an attribute are one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network

from monitors.flags import BOTH, HTTP, SIP, USER, text
from monitors.header_pattern import text_or_pattern
from monitors.http_flags import COOKIE
from monitors.message_facts import KEY_LIMIT, Facts, Test, canonical, party, uri_in
from weaver.api import Plugins

Read = Callable[[Facts], str]
"""The value of an attribute, empty when the message has none."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A rule for one value; ``key`` is that value as ``read`` gives it."""

    read: Read
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


def read_caller(facts: Facts) -> str:
    """Return who the message is from."""
    return _party_of(facts, "from")


def read_callee(facts: Facts) -> str:
    """Return who the message is to."""
    return _party_of(facts, "to")


def _party_of(facts: Facts, name: str) -> str:
    if facts.message is None:
        return ""
    return party(uri_in(facts.message.headers.get(name) or ""))


def read_call_id(facts: Facts) -> str:
    """Return the Call-ID."""
    return "" if facts.message is None else facts.message.call_id[:KEY_LIMIT]


def read_uri(facts: Facts) -> str:
    """Return whom the Request-URI names."""
    uri = getattr(facts.message, "uri", "")
    return party(uri) if len(uri) <= KEY_LIMIT else ""


def read_address(facts: Facts) -> str:
    """Return the address at the other end."""
    return facts.address


def read_user(facts: Facts) -> str:
    """Return the user who is known."""
    return facts.user


@cache
def _reader(part: str, name: str) -> Read:
    """Return what reads the first value of a name; the same function for the same name."""

    def read(facts: Facts) -> str:
        if part == "header":
            return next(iter(facts.headers(name)), "")[:KEY_LIMIT].lower()
        values = facts.request.cookies if part == "cookie" else facts.request.args
        return str(values.get(name, ""))[:KEY_LIMIT]

    return read


def _whom(read: Read) -> Callable[[str], Exact]:
    def compiled(value: str) -> Exact:
        if ":" not in value or len(value) > KEY_LIMIT:
            raise ValueError("this is no URI, like sip:alice@example.com")
        return Exact(read, party(value))

    return compiled


def call_id(value: str) -> Exact:
    """Match a Call-ID."""
    return Exact(read_call_id, value[:KEY_LIMIT])


def header(value: str) -> Exact | Pattern:
    """Match ``NAME=VALUE``, the first line, case ignored, or ``NAME~PATTERN`` in any line."""
    sign = min((value.find(one) for one in "=~" if one in value), default=-1)
    name = value[: max(sign, 0)].strip().lower()
    if not name or not value[sign + 1 :]:
        raise ValueError("this is not NAME=VALUE or NAME~PATTERN")
    if value[sign] == "=":
        return Exact(_reader("header", name), value[sign + 1 :].strip()[:KEY_LIMIT].lower())
    matches = text_or_pattern(value[sign + 1 :])
    return Pattern(lambda facts: any(matches(line) for line in facts.headers(name)))


def address(value: str) -> Exact | Pattern:
    """Match an address or a network."""
    if "/" not in value:
        return Exact(read_address, canonical(str(ip_address(value))))
    network = ip_network(value, strict=False)

    @lru_cache(maxsize=4_096)
    def is_in(host: str) -> bool:
        try:
            return ip_address(host) in network
        except ValueError:
            return False

    return Pattern(lambda facts: is_in(facts.address))


def cookie(value: str) -> Exact:
    """Match ``NAME=VALUE``, or the value of the dye cookie."""
    name, sign, wanted = value.partition("=")
    return Exact(_reader("cookie", name if sign else COOKIE), (wanted if sign else value)[:KEY_LIMIT])


def user(value: str) -> Exact:
    """Match a user's name."""
    return Exact(read_user, value[:KEY_LIMIT])


def query(value: str) -> Exact:
    """Match ``NAME=VALUE``."""
    name, sign, wanted = value.partition("=")
    if not name or not sign:
        raise ValueError("this is not NAME=VALUE")
    return Exact(_reader("query", name), wanted[:KEY_LIMIT])


KINDS = (
    Kind("caller", _whom(read_caller), "the URI in From: sip:alice@example.com", SIP),
    Kind("callee", _whom(read_callee), "the URI in To: sip:bob@example.com", SIP),
    Kind("call-id", call_id, "the Call-ID, as it is", SIP),
    Kind("uri", _whom(read_uri), "user and host of the Request-URI: sip:bob@example.com", SIP),
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
