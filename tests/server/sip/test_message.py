import pytest

from server.sip.codec import parse_message
from server.sip.headers import Headers
from server.sip.message import Message, Request, Response
from tests.server.sip.samples import INVITE


def invite(old: bytes = b"", new: bytes = b"") -> Request:
    message = parse_message(INVITE.replace(old, new) if old else INVITE)
    assert isinstance(message, Request)
    return message


RESPONSE = INVITE.replace(b"INVITE sip:bob@127.0.0.1:5070 SIP/2.0", b"SIP/2.0 180 Ringing")


def test_typed_values_are_parsed_once() -> None:
    request = invite(b"X-Unknown: ", b"Route: <sip:p;lr>\r\nRecord-Route: <sip:q;lr>\r\nExpires: 30\r\nc: a/b\r\nX: ")

    assert request.contacts[0].uri == "sip:alice@127.0.0.1:5080"
    assert request.contacts is request.contacts
    assert [route.uri for route in request.routes] == ["sip:p;lr"]
    assert [route.uri for route in request.record_routes] == ["sip:q;lr"]
    assert (request.expires, request.max_forwards, request.content_type) == (30, 70, "a/b")
    assert str(request.request_uri) == "sip:bob@127.0.0.1:5070"


def test_values_that_are_missing_or_no_numbers_are_none() -> None:
    request = invite(b"X-Unknown:", b"Expires: soon\r\nX-Unknown:").without("max-forwards")

    assert (request.expires, request.max_forwards, request.content_type) == (None, None, None)
    assert request.routes == ()


def test_star_contact_is_an_address() -> None:
    assert [c.uri for c in invite(b"<sip:alice@127.0.0.1:5080>\r\nX", b"*\r\nX").contacts] == ["*"]


def test_vias_of_every_line_and_list_are_in_order() -> None:
    request = invite(b"From:", b"v: SIP/2.0/TCP a , SIP/2.0/UDP b\r\nFrom:")

    assert [via.host for via in request.vias] == ["127.0.0.1", "a", "b"]


def test_received_message_stays_as_it_came_when_a_copy_is_changed() -> None:
    request = invite()

    copy = request.with_header("From", "<sip:x@y>;tag=2")

    assert request.wire() == INVITE
    assert (request.from_.tag, copy.from_.tag) == ("a1", "2")
    assert copy != request
    assert copy.via is request.via


def test_top_via_is_exchanged_alone() -> None:
    request = invite(b"From:", b"Via: SIP/2.0/TCP a\r\nFrom:").with_first("Via", "SIP/2.0/UDP z")

    assert [via.host for via in request.vias] == ["z", "a"]


def test_new_body_has_its_type_and_length() -> None:
    request = invite().with_body(b"12345678901", "text/plain")

    assert request.wire().endswith(b"\r\n\r\n12345678901")
    assert request.headers.get("content-length") == "11"
    assert request.content_type == "text/plain"
    assert request.with_body(b"").content_type is None
    assert parse_message(request.wire()) == request


def test_content_length_is_right_whoever_sets_it() -> None:
    assert invite().with_header("Content-Length", "99").headers.get_all("content-length") == ("4",)
    assert invite().with_added("l", "99").headers.get_all("content-length") == ("4",)
    assert invite().without("Content-Length").headers.get("content-length") == "4"


def test_request_gets_another_uri() -> None:
    request = invite().with_uri("sip:carol@example.com")

    assert request.wire().startswith(b"INVITE sip:carol@example.com SIP/2.0\r\nVia")
    for uri in ("carol", "sip:a b", "sip:a\r\nX: y"):
        with pytest.raises(ValueError):
            request.with_uri(uri)


def test_response_knows_the_method_that_it_answers() -> None:
    response = parse_message(RESPONSE)

    assert isinstance(response, Response)
    assert (response.status, response.reason, response.method) == (180, "Ringing", "INVITE")
    assert response.with_added("X", "y").wire().startswith(b"SIP/2.0 180 Ringing\r\n")


def test_equal_messages_have_equal_hashes() -> None:
    assert invite() == invite()
    assert len({invite(), invite()}) == 1
    assert invite() != parse_message(RESPONSE)
    assert repr(invite()) == "<INVITE sip:bob@127.0.0.1:5070 SIP/2.0 call-1@127.0.0.1>"


def test_bytes_that_are_no_text_survive() -> None:
    data = INVITE.replace(b"kept", b"\xff\xfe")

    message = parse_message(data).with_header("Subject", "x")

    assert b"X-Unknown:  \xff\xfe   as it is\r\n" in message.wire()


def test_message_that_is_neither_kind_has_no_form() -> None:
    neither = Message.__new__(Message)
    neither.headers, neither.body, neither._memo = Headers.parse([]), b"", {}

    with pytest.raises(NotImplementedError):
        _ = neither.start_line
    with pytest.raises(NotImplementedError):
        neither.with_body(b"")
