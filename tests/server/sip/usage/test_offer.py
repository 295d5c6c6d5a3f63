"""Where offers and answers stand (the whole exchanges are in tests/conformance/test_offers.py)."""

import pytest

from server.sip.build import make_response
from server.sip.message import Request, Response
from server.sip.offer_answer import LOCAL_OFFER, REMOTE_OFFER, STABLE
from server.sip.usage.offer import after_request, after_response, has_sdp, is_reliable
from tests.server.sip.samples import request

SDP = "application/sdp"


def with_sdp(method: str = "INVITE") -> Request:
    return request(method).with_body(b"v=0\r\n", SDP)


def response(status: int, method: str = "INVITE", *, sdp: bool = True, rseq: bool = False) -> Response:
    extra = [("Require", "100rel"), ("RSeq", "1")] if rseq else []
    return make_response(
        request(method), status, to_tag="b", extra=extra, body=b"v=0\r\n" if sdp else b"", content_type=SDP
    )


@pytest.mark.parametrize(("kind", "is_one"), [(SDP, True), ("Application/SDP;x=y", True), ("text/plain", False)])
def test_description_is_known_by_its_type(kind: str, is_one: bool) -> None:
    assert has_sdp(request().with_body(b"v", kind)) == is_one
    assert not has_sdp(request())


def test_provisional_response_is_reliable_when_it_says_so_twice() -> None:
    assert is_reliable(response(183, rseq=True))
    assert not is_reliable(response(183))
    assert not is_reliable(response(200, rseq=True))


@pytest.mark.parametrize(
    ("state", "message", "sent", "after"),
    [
        (STABLE, with_sdp(), True, LOCAL_OFFER),
        (STABLE, with_sdp(), False, REMOTE_OFFER),
        (STABLE, request(), False, STABLE),
        (STABLE, with_sdp("INFO"), False, STABLE),
        (STABLE, with_sdp("ACK"), False, STABLE),
        (REMOTE_OFFER, with_sdp("UPDATE"), False, REMOTE_OFFER),
        (LOCAL_OFFER, with_sdp("ACK"), False, STABLE),
        (LOCAL_OFFER, request("ACK"), False, STABLE),
        (REMOTE_OFFER, with_sdp("ACK"), True, STABLE),
        (REMOTE_OFFER, with_sdp("PRACK"), True, STABLE),
        (STABLE, with_sdp("PRACK"), True, LOCAL_OFFER),
    ],
)
def test_request_is_an_offer_an_answer_or_nothing(state: str, message: Request, sent: bool, after: str) -> None:
    assert after_request(state, message, sent=sent) == after


@pytest.mark.parametrize(
    ("state", "message", "sent", "offered", "after"),
    [
        (LOCAL_OFFER, response(200), False, True, STABLE),
        (REMOTE_OFFER, response(200), True, True, STABLE),
        (STABLE, response(200), True, True, STABLE),
        (STABLE, response(200), True, False, LOCAL_OFFER),
        (STABLE, response(200), False, False, REMOTE_OFFER),
        (REMOTE_OFFER, response(183), True, True, REMOTE_OFFER),
        (REMOTE_OFFER, response(183, rseq=True), True, True, STABLE),
        (LOCAL_OFFER, response(200, sdp=False), False, True, LOCAL_OFFER),
        (LOCAL_OFFER, response(488), False, True, STABLE),
        (LOCAL_OFFER, response(488), True, True, LOCAL_OFFER),
        (LOCAL_OFFER, response(200, "INFO"), False, False, LOCAL_OFFER),
    ],
)
def test_response_is_an_offer_an_answer_or_nothing(
    state: str, message: Response, sent: bool, offered: bool, after: str
) -> None:
    assert after_response(state, message, sent=sent, has_offer=lambda: offered) == after
