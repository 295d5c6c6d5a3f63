"""Rows D11 and D16: one offer at a time in a dialog, wherever offers and answers stand; UPDATE."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, SDP, Callee, Caller, answered, established, from_callee, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import BOB, House, lines

Build = Callable[..., House]
RELIABLE = (("Supported", "100rel"),)


@pytest.fixture
def callee(build: Build) -> House:
    return build(Callee)


@pytest.fixture
def early(build: Build) -> House:
    """A house whose application rings with a reliable 183 that has the answer."""
    return build(Callee, settings={"answers": (183,), "reliable": True})


def update(house: House, answer: Response, number: int, body: bytes = OFFER) -> Request:
    return house.in_dialog("UPDATE", number, answer).with_body(body, SDP)


def prack(house: House, answer: Response, number: int = 2, body: bytes = b"") -> Request:
    rack = f"{answer.headers.get('rseq')} {answer.cseq}"
    request = house.in_dialog("PRACK", number, answer, extra=(("RAck", rack),))
    return request.with_body(body, SDP) if body else request


def test_d11_offer_in_the_invite_and_answer_in_the_2xx(callee: House) -> None:
    ok = established(callee, offered(callee))

    assert lines(callee.receive(update(callee, ok, 2))) == ["200 UPDATE"]


def test_d11_offer_in_the_2xx_and_answer_in_the_ack(callee: House) -> None:
    ok = answered(callee, callee.request())

    assert lines(callee.receive(update(callee, ok, 2))) == ["491 UPDATE"]
    callee.receive(callee.in_dialog("ACK", 1, ok).with_body(ANSWER, SDP))
    assert lines(callee.receive(update(callee, ok, 3))) == ["200 UPDATE"]


def test_d11_offer_in_the_invite_and_answer_in_a_reliable_response(early: House) -> None:
    progress = answered(early, offered(early, extra=RELIABLE), "183 INVITE")
    early.receive(prack(early, progress))

    assert lines(early.receive(update(early, progress, 3))) == ["200 UPDATE"]


def test_d11_offer_in_a_reliable_response_and_answer_in_the_prack(early: House) -> None:
    progress = answered(early, early.request(extra=RELIABLE), "183 INVITE")

    assert lines(early.receive(update(early, progress, 2))) == ["491 UPDATE"]
    assert "200 PRACK" in lines(early.receive(prack(early, progress, 3, ANSWER)))
    assert lines(early.receive(update(early, progress, 4))) == ["200 UPDATE"]


def test_d11_offer_in_the_prack_and_answer_in_its_2xx(build: Build) -> None:
    class Second(Callee):
        def do_prack(self, request: object) -> None:
            response = request.create_response(200)  # type: ignore[attr-defined]
            response.set_body(ANSWER, SDP)
            response.send()

    house = build(Second, settings={"answers": (183,), "reliable": True})
    progress = answered(house, offered(house, extra=RELIABLE), "183 INVITE")

    assert one(house.receive(prack(house, progress, 2, OFFER)), "200 PRACK").body == ANSWER
    assert lines(house.receive(update(house, progress, 3))) == ["200 UPDATE"]


def test_d11_description_in_an_unreliable_response_answers_nothing(build: Build) -> None:
    house = build(Callee, settings={"answers": (183,)})
    progress = answered(house, offered(house), "183 INVITE")

    refused = one(house.receive(update(house, progress, 2)), "500 UPDATE")

    assert 0 <= int(refused.headers.get("retry-after") or "") <= 10


def test_d11_repeated_answer_in_the_2xx_is_no_offer(build: Build) -> None:
    house = build(Callee, settings={"answers": (183, 200), "reliable": True})
    progress = answered(house, offered(house, extra=RELIABLE), "183 INVITE")
    sent = house.receive(prack(house, progress))

    assert lines(sent) == ["200 PRACK", "200 INVITE"]
    assert lines(house.receive(update(house, progress, 3))) == ["200 UPDATE"]


def test_d11_refused_offer_leaves_room_for_the_next(build: Build) -> None:
    house = build(Caller)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 200, body=ANSWER))
    ours = agents.in_session(house, invite, "UPDATE", OFFER)
    theirs = from_callee(invite, "UPDATE", 1).with_body(OFFER, SDP)

    assert lines(house.receive(theirs)) == ["491 UPDATE"]
    house.receive(agents.reply(ours, 488))
    assert lines(house.receive(from_callee(invite, "UPDATE", 2).with_body(OFFER, SDP))) == ["200 UPDATE"]


def test_d16_update_in_an_early_dialog_is_served_and_refreshes_the_target(early: House) -> None:
    progress = answered(early, offered(early, extra=RELIABLE), "183 INVITE")
    early.receive(prack(early, progress))
    changed = early.in_dialog("UPDATE", 3, progress, contact="<sip:new@192.0.2.1>").with_body(OFFER, SDP)

    ok = one(early.receive(changed), "200 UPDATE")

    assert ok.contacts
    assert agents.in_session(early, ok, "INFO").uri == "sip:new@192.0.2.1"


def test_d16_update_with_an_offer_that_meets_ours_is_491_and_ours_is_tried_again(build: Build) -> None:
    house = build(Caller)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 200, body=ANSWER))
    ours = agents.in_session(house, invite, "UPDATE", OFFER)

    assert lines(house.receive(from_callee(invite, "UPDATE", 1).with_body(OFFER, SDP))) == ["491 UPDATE"]
    house.receive(agents.reply(ours, 491))
    again = [m for _ in range(20) for m in house.pass_time(0.25)]
    assert (request_of(again[:1], "UPDATE").body, again[0].cseq.number) == (OFFER, ours.cseq.number + 1)


def test_d16_update_with_an_offer_while_theirs_is_open_is_500_with_retry_after(build: Build) -> None:
    house = build(Callee, settings={"answers": (180,)})
    ringing = answered(house, offered(house), "180 INVITE")

    refused = one(house.receive(update(house, ringing, 2)), "500 UPDATE")

    assert 0 <= int(refused.headers.get("retry-after") or "") <= 10


def test_d16_update_without_a_body_is_served_at_any_time(build: Build) -> None:
    house = build(Callee, settings={"answers": (180,)})
    ringing = answered(house, offered(house), "180 INVITE")

    assert lines(house.receive(house.in_dialog("UPDATE", 2, ringing))) == ["200 UPDATE"]


@pytest.mark.parametrize("status", [200, 491, 500, 504])
def test_d16_update_and_its_answer_are_relayed(build: Build, status: int) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house)), "INVITE")
    answer = house.receive(agents.reply(invite, 200, "b", ANSWER), BOB)[0]
    house.receive(house.in_dialog("ACK", 1, answer))
    relayed = request_of(house.receive(update(house, answer, 2)), "UPDATE")  # type: ignore[arg-type]

    assert relayed.body == OFFER
    assert lines(house.receive(agents.reply(relayed, status, "b"), BOB)) == [f"{status} UPDATE"]
