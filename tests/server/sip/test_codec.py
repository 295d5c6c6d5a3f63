import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.sip.build import make_response, stamp_received
from server.sip.codec import (
    MAX_CONTACTS,
    MAX_HEADERS,
    MAX_LINE,
    MAX_MESSAGE,
    MAX_REASON,
    MAX_ROUTES,
    MAX_VIAS,
    format_message,
    parse_message,
    reread,
)
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


def test_message_that_was_made_here_is_read_again_without_a_check() -> None:
    request = stamp_received(parse_message(INVITE), "192.0.2.1", 5060)

    for made in (request, make_response(request, 200, to_tag="t", contact="<sip:b@c>")):
        again = reread(made.wire())

        assert again == made
        assert again.wire() == made.wire()
        assert (again.via, again.cseq, again.to.tag) == (made.via, made.cseq, made.to.tag)


def test_other_lines_stay_when_one_is_set() -> None:
    message = parse_message(INVITE).with_header("Subject", "x")

    assert b"X-Unknown:  kept   as it is\r\n" in message.wire()
    assert message.wire().endswith(b"Subject: x\r\n\r\nbody")


def test_compact_and_folded_headers_are_read() -> None:
    data = INVITE.replace(b"From:", b"f :").replace(b"Call-ID: call-1", b"i:\r\n\t  call-1")

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
        (b"Call-ID: call-1@127.0.0.1", b"Call-ID: ", 400),
        (b"X-Unknown:", b" folded\r\nX-Unknown", 400),
        (b"Via:", b" Via:", 400),
        (b"X-Unknown: ", b"X-Unknown: a\rb", 400),
        (b"X-Unknown: ", b"X-Unknown: a\nb", 400),
        (b"X-Unknown: ", b"X-Unknown: a\0b", 400),
        (b"X-Unknown: ", b"To: <sip:a@b>\r\nX: ", 400),
        (b"X-Unknown: ", b"m: <sip:a b>\r\nX: ", 400),
        (b"X-Unknown: ", b"Route: <sip:a@b@c>\r\nX: ", 400),
        (b"X-Unknown: ", b"Record-Route: <\r\nX: ", 400),
        (b"X-Unknown: ", b"X: " + b"x" * MAX_LINE + b"\r\nX: ", 513),
        (b"X-Unknown: ", b"X: x\r\n" * MAX_HEADERS, 513),
        (b"INVITE sip:", b"INVITE sip:" + b"x" * MAX_LINE, 414),
        (b"SIP/2.0\r\nVia", b"SIP/2.0 \r\nVia", 400),
        (b"SIP/2.0\r\nVia", b"SIP/2.0\0\r\nVia", 400),
        (b" SIP/2.0\r\nVia", b"  SIP/9\r\nVia", 505),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"INVITE", 400),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"", 400),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 99 No", 400),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 700 No", 400),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 4294967301 No", 400),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 200 O\rK", 400),
        (b"5070>\r\nCall", b"5070\r\nCall", 400),
        (b"branch=z9", b";branch=z9", 400),
        (b"tag=a1", b"tag=a1;tag=a2", 400),
    ],
)
def test_malformed_request_says_what_to_answer(old: bytes, new: bytes, status: int) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(old, new))

    assert caught.value.status_hint == status


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Max-Forwards: 70", b"Max-Forwards: x"),
        (b"Max-Forwards: 70", b"no colon"),
        (b"CSeq: 7 ", b"CSeq: 36893488147419103232 "),
        (b"Content-Length: 4", b"Content-Length: 9999"),
        (b"Content-Length: 4", b"Content-Length: -999"),
        (b'"Alice, A."', b'"Alice, A.'),
        (b"To: <", b'To: "<'),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP", b"INVITE <sip:bob@127.0.0.1:5070> SIP"),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP", b"INVITE sip:bob@127.0.0.1:5070; lr SIP"),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP", b"INVITE SIP"),
        (b";branch=z9hG4bK-1", b";;,;,,"),
        (b"CSeq:", b"CSeq: 8 BYE\r\nCSeq:"),
        (b"\r\n\r\nbody", b"\r\n"),
        (b"X-Unknown: ", b"X-Unknown: a\rb"),
    ],
)
def test_malformed_request_can_be_answered_when_its_fields_are_there(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(old, new, 1))

    request = caught.value.request
    assert request is not None
    answer = make_response(stamp_received(request, "192.0.2.1", 9), 400, caught.value.reason, to_tag="t").wire()
    assert b"Call-ID: call-1@127.0.0.1\r\n" in answer
    assert b";received=192.0.2.1" in answer
    assert b";tag=t\r\n" in answer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"INVITE", b"ACK"),
        (b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia"),
        (b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 200 OK"),
        (b"IN", b"<IN"),
        (b"Via:", b"X:"),
        (b"CSeq: 7", b"CSeq: x"),
        (b"CSeq: 7 INVITE", b"CSeq: "),
        (b"SIP/2.0/UDP ", b"SIP/2.0/UDP (:"),
    ],
)
def test_what_cannot_or_must_not_be_answered_is_not(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(old, new).replace(b"Max-Forwards: 70", b"no colon"))

    assert caught.value.request is None


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq"])
def test_G8_answer_names_what_is_missing_and_repeats_what_is_there(name: str) -> None:
    with pytest.raises(MalformedMessageError, match=f"the header {name} is missing") as caught:
        parse_message(INVITE.replace(f"{name}:".encode(), b"X:", 1))

    assert caught.value.request is not None
    assert caught.value.status_hint == 400
    answer = make_response(caught.value.request, 400, caught.value.reason, to_tag="t")
    there = [key for key in ("from", "to", "call-id", "cseq") if key in answer.headers]
    assert there == [key for key in ("from", "to", "call-id", "cseq") if key != name.lower()]
    assert f"{name}:".encode() not in answer.wire()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b":5070 SIP", b":5070?Route=%3Csip:a%3E SIP"),
        (b"Contact: <sip:alice@127.0.0.1:5080>", b"Contact: sip:a@b?Route=%3Csip:c%3E"),
        (b"branch=z9hG4bK-1", b"branch=z9hG4bK"),
        (b"branch=z9hG4bK-1", b"rport;branch=Z9HG4BK"),
    ],
)
def test_what_two_readers_could_take_in_two_ways_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(old, new))

    assert caught.value.status_hint == 400


def test_question_mark_in_a_uri_without_headers_is_taken() -> None:
    assert parse_message(INVITE.replace(b"sip:bob@", b"sip:bo?b@", 1)).start_line.startswith("INVITE sip:bo?b@")


def test_every_via_of_a_malformed_request_is_kept() -> None:
    data = INVITE.replace(b"From:", b"v: SIP/2.0/UDP a;;b, SIP/2.0/UDP c\r\nFrom:").replace(b": 70", b": 700")

    with pytest.raises(MalformedMessageError) as caught:
        parse_message(data)

    assert caught.value.request is not None
    assert caught.value.request.headers.get_all("via")[1:] == ("SIP/2.0/UDP a;;b, SIP/2.0/UDP c",)


def test_vias_on_one_line_stay_in_the_answer_to_a_malformed_request() -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(b"\r\nFrom", b", SIP/2.0/UDP b;branch=c\r\nFrom").replace(b": 70", b": 700"))

    request = caught.value.request
    assert request is not None
    assert [via.host for via in make_response(request, 400).vias] == ["127.0.0.1", "b"]


def test_error_says_where_and_what() -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(INVITE.replace(b"5080>;tag=a1", b"5080>;tag=\xff" + b"x" * 5000))

    assert caught.value.offset == INVITE.index(b"From")
    assert caught.value.section == "RFC 3261 25.1"
    assert caught.value.reason.startswith("the header From: the tag")
    assert len(caught.value.reason) == MAX_REASON
    assert caught.value.reason.isascii()


def test_long_refused_message_is_answered_by_what_stands_early_in_it() -> None:
    long = b"X-Long: " + b"x" * 16_384 + b"\r\n"
    for data, answered in (
        (INVITE.replace(b"Max-F", long + b"Max-F"), True),
        (INVITE.replace(b"Via", long + b"Via"), False),
    ):
        with pytest.raises(MalformedMessageError) as caught:
            parse_message(data)
        assert caught.value.status_hint == 513
        assert (caught.value.request is not None) is answered


def test_keep_alive_is_no_message() -> None:
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0"):
        with pytest.raises(MalformedMessageError) as caught:
            parse_message(data)
        assert caught.value.request is None


def test_empty_lines_before_a_message_are_skipped() -> None:
    assert parse_message(b"\r\n\r\n" + INVITE).wire() == INVITE


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    data = INVITE.replace(b"Call-ID: call-1@127.0.0.1", b"Call-ID:   call-1  ").replace(b": 70", b":  70 ")

    message = parse_message(data.replace(b"Content-Length: 4", b"Content-Length:  4 "))

    assert (message.call_id, message.max_forwards, message.body) == ("call-1", 70, b"body")


def test_any_case_of_names_and_version_is_read() -> None:
    data = INVITE.replace(b"SIP/2.0\r\n", b"sip/2.0\r\n").replace(b"CSeq", b"cSEQ").replace(b"Via", b"VIA")

    assert parse_message(data).cseq.number == 7


def test_what_the_rfc_allows_is_read() -> None:
    data = (
        b"INVITE sip:vivekg@chair;unknownparam SIP/2.0\r\nTO :\r\n sip:vivekg@chair ;   tag    = 19n\r\n"
        b'from   : "J \\\\\\""       <sip:j@example.com>\r\n  ;\r\n  tag = 98\r\nMaX-fOrWaRdS: 0068\r\n'
        b"Call-ID: ws.1@192.0.2.2\r\nContent-Length   : 0\r\ncseq: 0009\r\n  INVITE\r\nSubject:\r\n"
        b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\ns :\r\n"
        b"v:  SIP  / 2.0  / TCP     spindle   ;\r\n  branch  =   z9hG4bK9 ,\r\n"
        b" SIP  /    2.0 / UDP  h ; branch=\r\n z\r\n"
        b'm:"Q \\"\\"" <sip:j@example.com> ; newparam =\r\n newvalue ;\r\n  secondparam ; q = 0.33\r\n\r\n'
    )

    message = parse_message(data)

    assert (message.to.tag, message.from_.tag, message.max_forwards, message.cseq.number) == ("19n", "98", 68, 9)
    assert [via.branch for via in message.vias] == ["390skdjuw", "z9hG4bK9", "z"]
    assert message.contacts[0].params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.headers.get_all("subject") == ("", "")
    assert message.wire() is data


def test_fold_cannot_hide_a_bad_line() -> None:
    with pytest.raises(MalformedMessageError, match="no header"):
        parse_message(INVITE.replace(b"X-Unknown:", b"X-Unknown: a\r\n b\r\nbad"))


def test_quoted_nul_is_part_of_a_display_name() -> None:
    assert parse_message(INVITE.replace(b"Alice", b"A\\\0")).from_.tag == "a1"


def test_response_may_have_no_reason() -> None:
    for start in (b"SIP/2.0 100 ", b"SIP/2.0 100"):
        message = parse_message(INVITE.replace(b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", start))
        assert isinstance(message, Response)
        assert (message.status, message.reason) == (100, "")


def test_content_length_may_be_repeated_but_not_contradicted() -> None:
    assert parse_message(INVITE.replace(b"Content-Length: 4", b"l: 4\r\nContent-Length: 4")).body == b"body"


def test_message_without_content_length_has_what_follows_as_its_body() -> None:
    assert parse_message(INVITE.replace(b"Content-Length: 4", b"X: 4")).body == b"body"


def test_too_long_a_message_is_refused() -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_message(b"x" * (MAX_MESSAGE + 1))

    assert caught.value.status_hint == 513


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [
        ("Via", "SIP/2.0/UDP a", MAX_VIAS - 1),
        ("Contact", "<sip:a@b>", MAX_CONTACTS - 1),
        ("Route", "<sip:a;lr>", MAX_ROUTES),
        ("Record-Route", '"a, b" <sip:a;lr>', MAX_ROUTES),
    ],
)
def test_F4_as_many_values_are_taken_as_the_limit_and_no_more(name: str, value: str, most: int) -> None:
    listed = INVITE.replace(b"X-Unknown", f"{name}: {', '.join([value] * most)}\r\nX-Unknown".encode())
    lines = INVITE.replace(b"X-Unknown", f"{name}: {value}\r\n".encode() * most + b"X-Unknown")

    assert len(parse_message(listed).headers.get_all(name)) == len(listed.split(b"\n" + name.encode() + b":")) - 1
    parse_message(lines)
    for data in (listed, lines):
        with pytest.raises(MalformedMessageError, match="more than"):
            parse_message(data.replace(b"X-Unknown", f"{name}: {value}\r\nX-Unknown".encode()))


def test_commas_in_quotes_are_no_more_vias() -> None:
    data = INVITE.replace(b"X-Unknown", b'Via: SIP/2.0/UDP a;x="' + b"," * 100 + b'"\r\nX-Unknown')

    assert len(parse_message(data).vias) == 2


def test_star_stands_alone() -> None:
    assert [
        address.uri for address in parse_message(INVITE.replace(b"<sip:alice@127.0.0.1:5080>\r", b"*\r")).contacts
    ] == ["*"]
    with pytest.raises(MalformedMessageError, match="stands among other values"):
        parse_message(INVITE.replace(b"<sip:alice@127.0.0.1:5080>\r", b"*, <sip:a@b>\r"))


def test_long_values_are_read_like_short_ones() -> None:
    long = b"x" * 300
    data = (
        INVITE.replace(b"alice@", long + b"@")
        .replace(b"bob@127", long + b"@127")
        .replace(b"127.0.0.1:5080;b", long + b";b")
    )

    message = parse_message(data)

    assert message.via.host == long.decode()
    assert message.from_.tag == "a1"
    assert message.contacts[0].uri == f"sip:{long.decode()}@127.0.0.1:5080"


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


@pytest.mark.parametrize(
    "old",
    [b"sip:bob@127.0.0.1:5070>", b"call-1@", b"sip:alice@127.0.0.1:5080>;tag", b"sip:bob@127.0.0.1:5070 SIP"],
)
def test_G12_what_a_call_keeps_must_be_utf8(old: bytes) -> None:
    assert old in INVITE

    with pytest.raises(MalformedMessageError, match="is not UTF-8") as caught:
        parse_message(INVITE.replace(old, old[:4] + b"\xe9" + old[4:]))

    assert caught.value.status_hint == 400


def test_G12_other_values_may_be_any_bytes_and_go_out_as_they_came() -> None:
    data = INVITE.replace(b"X-Unknown: ", b"X-Unknown: \xe9\xff ")

    assert parse_message(data).with_header("Subject", "x").wire().count(b"\xe9\xff") == 1


def test_G12_names_in_utf8_are_taken_and_a_reason_phrase_in_any_bytes() -> None:
    message = parse_message(INVITE.replace(b'"Alice, A."', '"Алиса"'.encode()))
    answer = make_response(message, 200).wire() if isinstance(message, Request) else b""

    refused = parse_message(answer.replace(b" 200 OK", b" 404 nicht gef\xfcnden"))

    assert message.from_.display == "Алиса"
    assert isinstance(refused, Response)
    assert refused.status == 404
