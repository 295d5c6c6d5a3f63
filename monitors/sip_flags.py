"""The dye flags that a SIP message sets: PROTOCOL_SIP, SIP_REQ, SIP_RES, SIP_REQURI, SIP_ANY_HEADER."""

from __future__ import annotations

import re

from monitors.flags import SIP, Flag, text
from monitors.header_pattern import text_or_pattern
from monitors.message_facts import Facts, Test, party
from weaver.api import Plugins

_PROPERTY = re.compile(r"(request|response)\.([!-<>-~]+)=(.*)\Z", re.IGNORECASE | re.DOTALL)


def protocol(value: str) -> Test:
    """Match every SIP message."""
    del value
    return lambda facts: facts.message is not None


def request_method(value: str) -> Test:
    """Match requests of a method."""
    wanted = value.strip().upper()
    if not wanted.isalpha():
        raise ValueError(f"{value!r} is no SIP method")
    return lambda facts: facts.message is not None and not facts.is_response and facts.message.method == wanted


def response_status(value: str) -> Test:
    """Match responses of a status."""
    wanted = int(value) if value.strip().isdigit() and len(value) < 8 else 0
    if not 100 <= wanted <= 699:
        raise ValueError(f"{value!r} is no SIP status")
    return lambda facts: getattr(facts.message, "status", None) == wanted


def request_uri(value: str) -> Test:
    """Match requests whose Request-URI is that text or names the same user at the same host."""
    wanted = text(value)
    if ":" not in wanted:
        raise ValueError(f"{value!r} is no URI")
    whom = party(wanted)

    def test(facts: Facts) -> bool:
        if facts.message is None or facts.is_response:
            return False
        uri = facts.message.uri
        return bool(uri == wanted or party(uri) == whom)

    return test


def any_header(value: str) -> Test:
    """Match ``request.NAME=PATTERN`` or ``response.NAME=PATTERN``: text or regular expression, case ignored."""
    found = _PROPERTY.match(value.strip())
    if found is None:
        raise ValueError(f"{value!r} is not request.HEADER=VALUE or response.HEADER=VALUE")
    is_response, name, matches = found[1].lower() == "response", found[2].lower(), text_or_pattern(found[3])

    def test(facts: Facts) -> bool:
        if facts.message is None or facts.is_response != is_response:
            return False
        for line in facts.headers(name):  # noqa: SIM110 - any() of a generator costs as much as the match
            if matches(line):
                return True
        return False

    return test


FLAGS = (
    Flag("PROTOCOL_SIP", (), protocol, "every SIP message", SIP),
    Flag("SIP_REQ", ("SIP_REQ",), request_method, "a request of the method that is the property's value", SIP),
    Flag("SIP_RES", ("SIP_RES",), response_status, "a response of the status that is the property's value", SIP),
    Flag(
        "SIP_REQURI",
        ("SIP_REQURI",),
        request_uri,
        "a request whose Request-URI is the property's value, or names the same user and host",
        SIP,
    ),
    Flag(
        "SIP_ANY_HEADER",
        ("SIP_ANY_HEADER",),
        any_header,
        "a message that has such a header: request.NAME=VALUE or response.NAME=VALUE, text or regular expression; "
        "tested only while an enabled monitor's mask names it",
        SIP,
        lazy=True,
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the flags."""
    for flag in FLAGS:
        plugins.dye_flag(flag)
