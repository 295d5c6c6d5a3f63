from types import SimpleNamespace

import pytest

from monitors.sip_flags import FLAGS, VALUE_LIMIT, Facts
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.message import Request
from tests.server.sip.samples import INVITE

MESSAGE = parse_message(INVITE)
assert isinstance(MESSAGE, Request)
REQUEST = Facts(MESSAGE, "127.0.0.1")
RESPONSE = Facts(make_response(MESSAGE, 180), "127.0.0.1")
BY_NAME = {flag.name: flag for flag in FLAGS}


@pytest.mark.parametrize(
    ("flag", "value", "facts", "expected"),
    [
        ("ADDR1", "127.0.0.1", REQUEST, True),
        ("ADDR2", "127.0.0.2", REQUEST, False),
        ("PROTOCOL_SIP", "", RESPONSE, True),
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
    [("ADDR1", "localhost"), ("SIP_REQ", "IN VITE"), ("SIP_RES", "ok"), ("SIP_ANY_HEADER", "Contact=x"),
     ("SIP_ANY_HEADER", "request.Contact=("), ("SIP_ANY_HEADER", "request.Contact=" + "x" * 2000)],
)  # fmt: skip
def test_value_that_makes_no_sense_is_refused(flag: str, value: str) -> None:
    with pytest.raises(ValueError):
        BY_NAME[flag].compile(value)


def test_long_header_value_is_cut_before_it_is_matched() -> None:
    headers = SimpleNamespace(get_all=lambda name: ("a" * VALUE_LIMIT + "needle",))
    facts = Facts(SimpleNamespace(method="INVITE", headers=headers), "")

    assert BY_NAME["SIP_ANY_HEADER"].compile("request.X=needle")(facts) is False


def test_pattern_that_cannot_be_read_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"the pattern '\(a' is refused: missing \): \(a"):
        BY_NAME["SIP_ANY_HEADER"].compile("request.Contact=(a")
