from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.dye_rules import KINDS, Exact, Pattern
from monitors.message_facts import KEY_LIMIT, Facts, canonical, party, uri_in
from server.sip.codec import parse_message
from server.transport.flow import Flow
from tests.monitors.test_http_flags import facts as http_facts
from tests.server.sip.samples import INVITE

BY_NAME = {kind.name: kind for kind in KINDS}
MESSAGE = Facts(parse_message(INVITE), Flow("UDP", "127.0.0.1", 5060, "10.1.2.3", 5080))
REQUEST = http_facts("/call?trace=on", HTTP_COOKIE="weaver.diagnostics.dye=red; lang=de", REMOTE_USER="alice")


def matches(kind: str, value: str, facts: Facts) -> bool:
    compiled: Any = BY_NAME[kind].compile(value)
    if isinstance(compiled, Pattern):
        return compiled.test(facts)
    assert isinstance(compiled, Exact)
    place = "http" if facts.request is not None else "user" if facts.authenticated else "sip"
    subject = {"http": facts.request, "user": facts.authenticated, "sip": facts.message}[place]
    found = compiled.attribute.raw[place](subject, facts.flow) if place in BY_NAME[kind].applies else None
    return found is not None and compiled.attribute.fold(found) == compiled.key


@pytest.mark.parametrize(
    ("kind", "value", "facts", "expected"),
    [
        ("caller", "sip:alice@127.0.0.1", MESSAGE, True),
        ("caller", "sips:alice@127.0.0.1:9;transport=tcp", MESSAGE, True),
        ("caller", "sip:Alice@127.0.0.1", MESSAGE, False),
        ("callee", "sip:bob@127.0.0.1", MESSAGE, True),
        ("callee", "sip:alice@127.0.0.1", MESSAGE, False),
        ("call-id", "call-1@127.0.0.1", MESSAGE, True),
        ("call-id", "CALL-1@127.0.0.1", MESSAGE, False),
        ("uri", "sip:bob@127.0.0.1", MESSAGE, True),
        ("uri", "tel:1", MESSAGE, False),
        ("header", "X-Unknown=KEPT   as it is", MESSAGE, True),
        ("header", "x-unknown=kept", MESSAGE, False),
        ("header", "X-Unknown~as (it|they)", MESSAGE, True),
        ("header", "m~alice=?", MESSAGE, True),
        ("header", "X-None~.", MESSAGE, False),
        ("header", "Cookie~lang=de", REQUEST, True),
        ("address", "10.1.2.3", MESSAGE, True),
        ("address", "::ffff:10.1.2.3", MESSAGE, True),
        ("address", "10.1.2.4", MESSAGE, False),
        ("address", "10.0.0.0/8", MESSAGE, True),
        ("address", "10.1.2.3/8", MESSAGE, True),
        ("address", "192.0.2.0/24", MESSAGE, False),
        ("address", "2001:db8::/32", MESSAGE, False),
        ("address", "127.0.0.0/8", REQUEST, True),
        ("user", "alice", REQUEST, True),
        ("user", "alice", Facts(authenticated="alice"), True),
        ("user", "alice", MESSAGE, False),
        ("cookie", "red", REQUEST, True),
        ("cookie", "lang=de", REQUEST, True),
        ("cookie", "lang=en", REQUEST, False),
        ("query", "trace=on", REQUEST, True),
        ("query", "trace=off", REQUEST, False),
    ],
)
def test_rule_matches_what_it_is_for(kind: str, value: str, facts: Facts, expected: bool) -> None:
    assert matches(kind, value, facts) is expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("caller", "alice"), ("caller", "sip:" + "a" * KEY_LIMIT), ("uri", ""), ("header", "X"), ("header", "=x"),
        ("header", "X="), ("header", "X~("), ("address", "example.com"), ("address", "10.0.0.0/33"), ("query", "trace"),
        ("query", "=on"), ("cookie", " "), ("user", ""),
    ],
)  # fmt: skip
def test_value_that_makes_no_sense_is_refused(kind: str, value: str) -> None:
    with pytest.raises(ValueError):
        BY_NAME[kind].compile(value)


def test_exact_rules_of_one_header_are_one_table() -> None:
    one, other = BY_NAME["header"].compile("X-A=1"), BY_NAME["header"].compile("x-a=2")

    assert isinstance(one, Exact)
    assert isinstance(other, Exact)
    assert one.attribute is other.attribute
    assert one.attribute is not BY_NAME["header"].compile("X-B=1").attribute  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:alice@example.com", "alice@example.com"),
        ("SIPS:alice:secret@EXAMPLE.com.:5061;transport=tls?subject=x", "alice@example.com"),
        ("sip:[2001:DB8::1]:5060", "[2001:db8::1]"),
        ("sip:example.com", "example.com"),
        ("tel:+49-30 1234;phone-context=x", "tel:+49301234"),
        ("urn:service:sos", "urn:service:sos"),
        ("", ""),
    ],
)
def test_party_is_whom_a_uri_names(uri: str, expected: str) -> None:
    assert party(uri) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"Alice <x>" <sip:alice@example.com>;tag=1', "sip:alice@example.com"),
        ("sip:alice@example.com;tag=1", "sip:alice@example.com"),
        ("<sip:alice@example.com;lr>", "sip:alice@example.com;lr"),
        ("<sip:" + "a" * 600 + ">", ""),
        ("<", ""),
    ],
)
def test_uri_is_found_in_a_header(value: str, expected: str) -> None:
    assert uri_in(value) == expected


@given(st.text(max_size=60))
def test_nothing_from_outside_raises(text: str) -> None:
    message = SimpleNamespace(headers=SimpleNamespace(first={}, get=lambda name: text, get_all=lambda name: (text,)),
                              call_id=text, uri=text, status=None)  # fmt: skip
    facts = Facts(message, SimpleNamespace(remote_host=text, transport="UDP"))

    canonical(text)
    for kind, value in (("caller", "sip:a@b"), ("callee", "sip:a@b"), ("uri", "sip:a@b"), ("header", "X=nothing else"),
                        ("header", "X~nothing else"), ("address", "10.9.8.7"), ("address", "10.9.8.0/24")):  # fmt: skip
        assert matches(kind, value, facts) in {True, False}
