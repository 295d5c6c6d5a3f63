from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.build import make_ack, make_cancel, make_request, make_response, stamp_received
from server.sip.codec import parse_message
from server.sip.headers import Headers
from server.sip.message import Request
from server.sip.status import reason_phrase
from tests.server.sip.samples import INVITE

PARTS: dict[str, Any] = {
    "via": "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1",
    "from_": "<sip:a@b>;tag=1",
    "to": "<sip:c@d>",
    "call_id": "x",
    "cseq": 3,
}


def invite(*changes: tuple[bytes, bytes]) -> Request:
    data = INVITE
    for old, new in changes:
        data = data.replace(old, new)
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_request_has_what_it_needs() -> None:
    request = make_request(
        "INVITE", "sip:c@d", **PARTS, routes=("<sip:p;lr>", "<sip:q;lr>"), contact="<sip:a@b>",
        extra=[("X-Own", "1"), ("x-own", "2")], body=b"v=0", content_type="application/sdp",
    )  # fmt: skip

    assert request.wire() == (
        b"INVITE sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        b"Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n"
        b"CSeq: 3 INVITE\r\nContact: <sip:a@b>\r\nX-Own: 1\r\nx-own: 2\r\nContent-Type: application/sdp\r\n"
        b"Content-Length: 3\r\n\r\nv=0"
    )


def test_made_message_is_indexed_as_if_it_was_parsed() -> None:
    request = make_request(
        "BYE", "sip:c@d", **PARTS, routes=("<sip:p>", "<sip:q>"), extra=[("X-Own", "1"), ("x-own", "2")]
    )
    response = make_response(invite((b"From:", b"Via: SIP/2.0/TCP a\r\nFrom:")), 200, to_tag="t", contact="<sip:z>")

    for made in (request, response):
        indexed = Headers.parse(made.headers.lines)
        assert {name: made.headers.get_all(name) for name, _ in made.headers.items()} == {
            name: indexed.get_all(name) for name, _ in indexed.items()
        }
        assert parse_message(made.wire()) == made


def test_response_repeats_what_the_request_said() -> None:
    request = invite((b"From:", b"Via: SIP/2.0/TCP a\r\nRecord-Route: <sip:p;lr>\r\nFrom:"))

    response = make_response(request, 180, to_tag="t", contact="<sip:z>", body=b"x", content_type="a/b")

    assert response.headers.get_all("via") == request.headers.get_all("via")
    assert response.headers.get_all("record-route") == ("<sip:p;lr>",)
    assert (response.to.tag, response.from_, response.cseq) == ("t", request.from_, request.cseq)
    assert (response.reason, response.body, response.content_type) == ("Ringing", b"x", "a/b")


def test_refusal_has_no_record_route_and_trying_no_tag() -> None:
    request = invite((b"From:", b"Record-Route: <sip:p;lr>\r\nTimestamp: 54\r\nFrom:"))

    assert "record-route" not in make_response(request, 404, to_tag="t").headers
    trying = make_response(request, 100, to_tag="t")
    assert (trying.to.tag, trying.headers.get("timestamp")) == (None, "54")


def test_tag_is_put_behind_a_to_that_ends_with_a_separator() -> None:
    request = invite((b"To: <sip:bob@127.0.0.1:5070>", b"To: <sip:bob@127.0.0.1:5070>;"))

    assert make_response(request, 200, to_tag="new").headers.get("to") == "<sip:bob@127.0.0.1:5070>;tag=new"


def test_tag_of_the_request_stays() -> None:
    request = invite((b"To: <sip:bob@127.0.0.1:5070>", b"To: <sip:bob@127.0.0.1:5070>;tag=old"))

    assert make_response(request, 200, to_tag="new").to.tag == "old"


def test_quoted_nul_of_the_sender_is_repeated_but_none_is_added() -> None:
    request = invite((b'"Alice, A."', b'"A\\\0"'))

    assert b'"A\\\0"' in make_response(request, 405, to_tag="t").wire()
    with pytest.raises(ValueError):
        make_response(request, 405, "a\0b", to_tag="t")


@pytest.mark.parametrize("bad", ["x\r\nEvil: 1", "x\n", "x\0", "x\r"])
def test_value_that_breaks_its_line_is_refused(bad: str) -> None:
    for name in ("via", "from_", "to", "call_id"):
        with pytest.raises(ValueError):
            make_request("BYE", "sip:c@d", **{**PARTS, name: bad})
    for more in ({"contact": bad}, {"extra": [("X", bad)]}, {"body": b"x", "content_type": bad}, {"routes": [bad]}):
        with pytest.raises(ValueError):
            make_request("BYE", "sip:c@d", **PARTS, **more)
    with pytest.raises(ValueError):
        make_request("BYE", "sip:c@d" + bad, **PARTS)
    for more in ({"contact": bad}, {"extra": [("X", bad)]}, {"reason": bad}, {"extra": [("X" + bad, "y")]}):
        with pytest.raises(ValueError):
            make_response(invite(), 200, **more)


@pytest.mark.parametrize("name", ["Content-Length", "To", "i", "CSeq", "Max-Forwards"])
def test_header_that_may_stand_once_is_not_given_again(name: str) -> None:
    with pytest.raises(ValueError, match="once"):
        make_request("BYE", "sip:c@d", **PARTS, extra=[(name, "1")])


def test_ack_of_a_refusal_belongs_to_the_transaction_of_the_invite() -> None:
    sent = make_request("INVITE", "sip:c@d", **PARTS, routes=("<sip:p;lr>",))

    ack = make_ack(sent, make_response(sent, 486, to_tag="t"))

    assert (ack.method, ack.uri, ack.cseq, ack.call_id) == ("ACK", "sip:c@d", (3, "ACK"), "x")
    assert (ack.via.branch, ack.to.tag, ack.from_.tag) == ("z9hG4bK1", "t", "1")
    assert ack.headers.get_all("route") == ("<sip:p;lr>",)


def test_cancel_is_the_invite_but_for_its_method() -> None:
    sent = make_request("INVITE", "sip:c@d", **PARTS, routes=("<sip:p;lr>",))

    cancel = make_cancel(sent)

    assert (cancel.method, cancel.cseq, cancel.to) == ("CANCEL", (3, "CANCEL"), sent.to)
    assert (cancel.via, cancel.uri, cancel.routes) == (sent.via, sent.uri, sent.routes)
    assert (cancel.body, cancel.headers.get("content-length")) == (b"", "0")


def test_via_that_tells_the_truth_is_left_alone() -> None:
    request = invite()

    assert stamp_received(request, "127.0.0.1", 5080) is request


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        ("SIP/2.0/UDP h;branch=b", "SIP/2.0/UDP h;branch=b;received=127.0.0.1"),
        ("SIP/2.0/UDP 127.0.0.1;rport;branch=b", "SIP/2.0/UDP 127.0.0.1;rport=9;branch=b;received=127.0.0.1"),
        ("SIP/2.0/UDP 127.0.0.1;received=192.0.2.66", "SIP/2.0/UDP 127.0.0.1"),
        ("SIP/2.0/UDP h;rport=1;received=192.0.2.66", "SIP/2.0/UDP h;rport=9;received=127.0.0.1"),
        ('SIP/2.0/UDP h;x="a,b", SIP/2.0/UDP i', 'SIP/2.0/UDP h;x="a,b";received=127.0.0.1, SIP/2.0/UDP i'),
    ],
)
def test_via_is_told_where_the_request_came_from(via: str, stamped: str) -> None:
    request = invite((b"SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1", via.encode()))

    request = stamp_received(request, "127.0.0.1", 9)

    assert request.headers.get("via") == stamped
    assert b"X-Unknown:  kept   as it is\r\n" in request.wire()


def test_address_in_brackets_is_the_same_host() -> None:
    request = invite((b"SIP/2.0/UDP 127.0.0.1:5080", b"SIP/2.0/UDP [::1]:5080"))

    assert stamp_received(request, "::1", 5080) is request


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(200, "OK"), (481, "Call/Transaction Does Not Exist"), (299, "OK"), (699, "Global Failure"), (999, "Unknown")],
)
def test_every_status_has_a_reason_phrase(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase


LINES = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=20)


@given(value=LINES, body=st.binary(max_size=50), cseq=st.integers(0, 2**31 - 1))
def test_made_request_parses_to_itself(value: str, body: bytes, cseq: int) -> None:
    made = make_request("MESSAGE", "sip:c@d", **{**PARTS, "cseq": cseq}, extra=[("X-Any", value)], body=body)

    parsed = parse_message(made.wire())

    assert parsed == made
    assert (parsed.body, parsed.cseq) == (body, (cseq, "MESSAGE"))
