"""Rows G11 and D9: bodies of several parts and of unknown types, as a caller sees them refused or taken."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet, Part, SipRequest, format_multipart
from server.sip.headers import Headers
from server.sip.message import Request
from tests.conformance.agents import OFFER, SDP, Callee, answered, established, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import House, lines

Build = Callable[..., House]
OPTIONAL = "icon;handling=optional"
TYPES = "application/sdp, text/plain, multipart/*"


class Choosy(Callee):
    accepts = ("application/sdp", "text/plain")

    def do_invite(self, request: SipRequest) -> None:
        self.seen.append((request.content(SDP) or b"none").decode())
        super().do_invite(request)

    def do_info(self, request: SipRequest) -> None:
        request.create_response(200).send()


@pytest.fixture
def house(build: Build) -> House:
    return build(Choosy)


def part(kind: str, body: bytes, disposition: str = "") -> Part:
    lines = [("Content-Type", kind), *([("Content-Disposition", disposition)] if disposition else [])]
    return Part(Headers.of(lines), body)


def with_parts(house: House, *parts: Part, subtype: str = "mixed") -> Request:
    return house.request().with_body(*format_multipart(parts, "b", subtype))


def test_g11_parts_that_are_understood_are_taken_and_the_offer_among_them_is_the_offer(house: House) -> None:
    request = with_parts(house, part("text/plain", b"hello"), part("Application/SDP", OFFER))

    ok = answered(house, request)
    house.receive(house.in_dialog("ACK", 1, ok))

    assert OFFER.decode() in house.servlets[0].seen  # type: ignore[attr-defined]
    update = house.in_dialog("UPDATE", 2, ok).with_body(OFFER, SDP)
    assert lines(house.receive(update)) == ["200 UPDATE"]


@pytest.mark.parametrize(("disposition", "status"), [("", 415), ("icon;handling=required", 415), (OPTIONAL, 200)])
def test_g11_unknown_part_is_415_unless_it_may_be_left_alone(house: House, disposition: str, status: int) -> None:
    request = with_parts(house, part(SDP, OFFER), part("image/png", b"\x89", disposition))

    answer = one(house.receive(request), f"{status} INVITE")

    assert answer.headers.get("accept") == (TYPES if status == 415 else None)


def test_g11_one_of_the_alternatives_is_enough(house: House) -> None:
    request = with_parts(house, part("text/html", b"<b>"), part("text/plain", b"b"), subtype="alternative")

    assert lines(house.receive(request)) == ["200 INVITE"]


def test_g11_what_says_that_it_is_multipart_and_is_none_is_415(house: House) -> None:
    request = house.request().with_body(b"nothing", "multipart/mixed;boundary=b")

    assert lines(house.receive(request)) == ["415 INVITE"]


@pytest.mark.parametrize(
    ("kind", "extra", "status", "says"),
    [
        ("application/unknown", (), 415, ("accept", TYPES)),
        ("", (), 415, ("accept", TYPES)),
        ("application/unknown", (("Content-Disposition", OPTIONAL),), 200, ("accept", None)),
        (SDP, (("Content-Encoding", "gzip"),), 415, ("accept-encoding", "identity")),
        (SDP, (("Content-Encoding", "identity"),), 200, ("accept-encoding", None)),
    ],
)
def test_d9_body_of_another_type_or_encoding_is_415_with_those_that_are_taken(
    house: House, kind: str, extra: tuple[tuple[str, str], ...], status: int, says: tuple[str, str | None]
) -> None:
    request = house.request(extra=extra).with_body(OFFER, kind or None)

    assert one(house.receive(request), f"{status} INVITE").headers.get(says[0]) == says[1]


def test_g11_bodies_in_a_dialog_are_looked_at_too(house: House) -> None:
    ok = established(house, offered(house))
    info = house.in_dialog("INFO", 2, ok).with_body(b"x", "application/unknown")

    assert lines(house.receive(info)) == ["415 INFO"]
    assert lines(house.receive(house.in_dialog("INFO", 3, ok, body=b"x"))) == ["200 INFO"]


def test_g11_relay_passes_every_part_on(build: Build) -> None:
    relay = build(B2buaServlet)
    request = with_parts(relay, part(SDP, OFFER), part("image/png", b"\x89"))

    invite = request_of(relay.receive(request), "INVITE")

    assert (invite.body, invite.content_type) == (request.body, request.content_type)
