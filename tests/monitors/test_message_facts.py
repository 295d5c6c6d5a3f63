"""What the context tells of SIP messages and HTTP requests."""

from typing import Any

from werkzeug.test import EnvironBuilder

from monitors.message_facts import MessageFacts, RequestFacts
from server.servlet.http_servlet import HttpRequest
from server.sip.codec import parse_message

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
    b"From: Alice <sip:alice@Example.com;user=phone>;tag=1\r\nTo: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def request(**values: Any) -> HttpRequest:
    return HttpRequest(EnvironBuilder("/call", method="POST", **values).get_environ())


def test_sip_message_tells_its_transaction_and_whom_from_names() -> None:
    message = parse_message(INVITE)

    facts = dict(MessageFacts(message, None))

    assert (facts["method"], facts["status"]) == ("INVITE", None)
    assert facts["transaction_id"] == "z9hG4bKx"
    assert (facts["user_id"], facts["user_source"]) == ("alice@example.com", "From")
    assert len(MessageFacts(message, None)) == len(facts)


def test_item_without_a_message_and_headers_that_cannot_be_read_tell_nothing() -> None:
    broken = parse_message(INVITE).with_header("From", "<sip:unclosed").with_header("Via", "nonsense")

    none, unreadable = dict(MessageFacts(None, None)), dict(MessageFacts(broken, None))

    assert set(none.values()) == {None}
    assert [unreadable[name] for name in ("user_id", "user_source", "transaction_id")] == [None, None, None]


def test_http_request_tells_its_id_and_the_user_that_the_gateway_knows() -> None:
    facts = dict(RequestFacts(request(headers={"X-Request-ID": "r1"}, environ_base={"REMOTE_USER": "alice"}), None))

    assert (facts["transaction_id"], facts["user_id"], facts["user_source"]) == ("r1", "alice", "gateway")


def test_http_request_without_them_tells_neither() -> None:
    facts = dict(RequestFacts(request(), None))

    assert (facts["transaction_id"], facts["user_id"], facts["user_source"]) == (None, None, None)
    assert (facts["method"], facts["path"]) == ("POST", "/call")
