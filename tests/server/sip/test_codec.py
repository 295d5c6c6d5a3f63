import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.sip.codec import MAX_MESSAGE, format_message, parse_message
from server.sip.errors import MalformedMessageError
from server.sip.message import Request, Response
from tests.server.sip.samples import INVITE


def test_request_gives_its_typed_fields() -> None:
    message = parse_message(INVITE)

    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("INVITE", "sip:bob@127.0.0.1:5070", b"body")
    assert message.via.branch == "z9hG4bK-1"
    assert (message.from_.display, message.from_.tag, message.to.tag) == ("Alice, A.", "a1", None)
    assert message.cseq == (7, "INVITE")
    assert message.max_forwards == 70


def test_untouched_message_goes_out_as_it_came() -> None:
    assert format_message(parse_message(INVITE)) is INVITE


def test_other_lines_stay_when_one_is_set() -> None:
    message = parse_message(INVITE).with_header("Subject", "x")

    assert b"X-Unknown:  kept   as it is\r\n" in message.wire()
    assert message.wire().endswith(b"Subject: x\r\n\r\nbody")


def test_compact_and_folded_headers_are_read() -> None:
    data = INVITE.replace(b"From:", b"f :").replace(b"Call-ID: call-1", b"i:\r\n\t call-1")

    message = parse_message(data)

    assert message.from_.tag == "a1"
    assert message.call_id == "call-1@127.0.0.1"


def test_bytes_behind_the_content_length_are_cut() -> None:
    assert parse_message(INVITE + b"more").body == b"body"


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_missing_mandatory_header_is_named(name: bytes) -> None:
    data = INVITE.replace(name + b":", b"X-" + name + b":", 1)

    with pytest.raises(MalformedMessageError, match="missing"):
        parse_message(data)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", 505),
        (b"CSeq: 7 INVITE", b"CSeq: 7 BYE", 400),
        (b"CSeq: 7 INVITE", b"CSeq: 99999999999 INVITE", 400),
        (b"Content-Length: 4", b"Content-Length: 9", 400),
        (b"Content-Length: 4", b"Content-Length: -1", 400),
        (b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 3", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 300", 400),
        (b"To: ", b"To\x01: ", 400),
        (b"X-Unknown:", b"No colon", 400),
        (b"sip:bob@127.0.0.1:5070 SIP", b"sip:bob@127.0.0.1:x SIP", 400),
        (b"Call-ID: call-1", b"Call-ID: call 1", 400),
    ],
)
def test_malformed_request_says_what_to_answer(old: bytes, new: bytes, status: int) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(old, new))

    assert caught.value.status_hint == status


def test_malformed_request_can_be_answered_when_its_fields_are_read() -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(b"Max-Forwards: 70", b"Max-Forwards: x"))

    assert caught.value.request is not None
    assert caught.value.request.call_id == "call-1@127.0.0.1"


def test_too_long_a_message_is_refused() -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(b"x" * (MAX_MESSAGE + 1))

    assert caught.value.status_hint == 513


@given(st.binary(max_size=300))
def test_any_bytes_give_a_message_or_the_declared_error(data: bytes) -> None:
    try:
        parse_message(data)
    except MalformedMessageError:
        return
    raise AssertionError("random bytes were taken for a message")


@settings(max_examples=300)
@given(st.data())
def test_mutated_message_gives_a_message_or_the_declared_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(INVITE) - 1))
    length = data.draw(st.integers(0, 12))
    junk = data.draw(st.binary(max_size=12))
    try:
        message = parse_message(INVITE[:at] + junk + INVITE[at + length :])
    except MalformedMessageError:
        return

    assert isinstance(message, (Request, Response))
    assert parse_message(message.with_header("X-Test", "1").wire()).cseq == message.cseq
