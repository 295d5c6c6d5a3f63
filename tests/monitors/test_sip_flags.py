from types import SimpleNamespace

import pytest

from monitors import common_flags, sip_flags
from monitors.message_facts import VALUE_LIMIT, Facts
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.message import Request
from server.transport.flow import Flow
from tests.server.sip.samples import INVITE

MESSAGE = parse_message(INVITE)
assert isinstance(MESSAGE, Request)
FLOW = Flow("UDP", "127.0.0.1", 5060, "127.0.0.1", 5080)
REQUEST = Facts(MESSAGE, FLOW)
RESPONSE = Facts(make_response(MESSAGE, 180), FLOW)
SECURE = Facts(MESSAGE, Flow("TLS", "::1", 5061, "::ffff:10.0.0.1", 5080))
NOTHING = Facts()
BY_NAME = {flag.name: flag for flag in (*common_flags.FLAGS, *sip_flags.FLAGS)}


@pytest.mark.parametrize(
    ("flag", "value", "facts", "expected"),
    [
        ("ADDR1", "127.0.0.1", REQUEST, True),
        ("ADDR2", "127.0.0.2", REQUEST, False),
        ("ADDR3", "10.0.0.1", SECURE, True),
        ("ADDR3", "::FFFF:10.0.0.1", SECURE, True),
        ("ADDR4", "127.0.0.1", NOTHING, False),
        ("PROTOCOL_SIP", "", RESPONSE, True),
        ("PROTOCOL_SIP", "", NOTHING, False),
        ("PROTOCOL_SSL", "", REQUEST, False),
        ("PROTOCOL_SSL", "", SECURE, True),
        ("PROTOCOL_T3", "", REQUEST, False),
        ("SIP_REQURI", "sip:bob@127.0.0.1:5070", REQUEST, True),
        ("SIP_REQURI", "SIPS:bob@127.0.0.1;transport=tls", REQUEST, True),
        ("SIP_REQURI", "sip:BOB@127.0.0.1", REQUEST, False),
        ("SIP_REQURI", "sip:bob@127.0.0.1", RESPONSE, False),
        ("SIP_REQURI", "sip:bob@127.0.0.1", NOTHING, False),
        ("SIP_REQ", "INVITE", NOTHING, False),
        ("SIP_RES", "180", NOTHING, False),
        ("SIP_ANY_HEADER", "request.From=alice", NOTHING, False),
        ("SIP_REQ", "invite", REQUEST, True),
        ("SIP_REQ", "BYE", REQUEST, False),
        ("SIP_REQ", "INVITE", RESPONSE, False),
        ("SIP_RES", "180", RESPONSE, True),
        ("SIP_RES", "180", REQUEST, False),
        ("SIP_ANY_HEADER", r"request.Contact=sip:ALICE@127\..*", REQUEST, True),
        ("SIP_ANY_HEADER", "request.m=sip:alice@127.0.0.1:5080", REQUEST, True),
        ("SIP_ANY_HEADER", "response.Contact=sip:alice", REQUEST, False),
        ("SIP_ANY_HEADER", "request.Nothing=.*", REQUEST, False),
    ],
)
def test_flag_is_set_when_the_message_matches(flag: str, value: str, facts: Facts, expected: bool) -> None:
    assert BY_NAME[flag].compile(value)(facts) is expected


@pytest.mark.parametrize(
    ("flag", "value"),
    [("ADDR1", "localhost"), ("ADDR1", ""), ("SIP_REQURI", ""), ("SIP_REQURI", "bob"), ("SIP_RES", "9" * 9_000),
     ("USER1", " "), ("SIP_REQ", "IN VITE"), ("SIP_RES", "ok"), ("SIP_ANY_HEADER", "Contact=x"),
     ("SIP_ANY_HEADER", "request.Contact=("), ("SIP_ANY_HEADER", "request.Contact=" + "x" * 2000)],
)  # fmt: skip
def test_value_that_makes_no_sense_is_refused(flag: str, value: str) -> None:
    with pytest.raises(ValueError):
        BY_NAME[flag].compile(value)


def test_long_header_value_is_cut_before_it_is_matched() -> None:
    headers = SimpleNamespace(get_all=lambda name: ("a" * VALUE_LIMIT + "needle",))
    facts = Facts(SimpleNamespace(method="INVITE", headers=headers))

    assert BY_NAME["SIP_ANY_HEADER"].compile("request.X=needle")(facts) is False


def test_pattern_that_cannot_be_read_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"the pattern '\(a' is refused: missing \): \(a"):
        BY_NAME["SIP_ANY_HEADER"].compile("request.Contact=(a")


def test_property_stands_for_a_flag_and_is_its_only_one() -> None:
    assert BY_NAME["SIP_REQ"].properties == ("SIP_REQ",)
    assert BY_NAME["PROTOCOL_SIP"].properties == ()
