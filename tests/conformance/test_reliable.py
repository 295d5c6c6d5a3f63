"""Row D15: provisional responses that are acknowledged (RFC 3262)."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet, InvalidStateError
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, SDP, Callee, Caller, answered, offered
from tests.conformance.ladder import one, request_of, timeline, times
from tests.server.container.kit import BOB, House, lines

Build = Callable[..., House]
SUPPORTED, REQUIRED = (("Supported", "100rel"),), (("Require", "100rel"),)
DOUBLING = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def ringing(build: Build, *answers: int) -> House:
    return build(Callee, settings={"answers": answers, "reliable": True})


def prack(house: House, response: Response, number: int = 2, rack: str = "") -> Request:
    rack = rack or f"{response.headers.get('rseq')} {response.cseq}"
    return house.in_dialog("PRACK", number, response, extra=(("RAck", rack),))


def test_d15_reliable_response_says_so_and_repeats_at_doubling_times(build: Build) -> None:
    house = ringing(build, 180)
    response = answered(house, offered(house, extra=SUPPORTED), "180 INVITE")

    assert (response.headers.get("require"), response.headers.get("rseq")) == ("100rel", "1")
    found = timeline(house, 31.75)
    assert times(found, "180 INVITE") == DOUBLING


def test_d15_invite_is_refused_with_5xx_when_no_prack_comes(build: Build) -> None:
    house = ringing(build, 180)
    answered(house, offered(house, extra=SUPPORTED), "180 INVITE")

    found = timeline(house, 33)

    assert times(found, "504 INVITE")[0] == 32.0
    assert house.servlets[0].seen == ["INVITE", "no PRACK"]  # type: ignore[attr-defined]


def test_d15_prack_ends_the_repetitions_and_is_answered(build: Build) -> None:
    house = ringing(build, 180)
    response = answered(house, offered(house, extra=SUPPORTED), "180 INVITE")

    assert lines(house.receive(prack(house, response))) == ["200 PRACK"]
    assert timeline(house, 60) == []


@pytest.mark.parametrize("rack", ["2 1 INVITE", "1 2 INVITE", "1 1 UPDATE", "nonsense"])
def test_d15_prack_that_matches_nothing_is_refused(build: Build, rack: str) -> None:
    house = ringing(build, 180)
    response = answered(house, offered(house, extra=SUPPORTED), "180 INVITE")

    (refused,) = house.receive(prack(house, response, rack=rack))

    assert lines([refused])[0] in {"481 PRACK", "400 PRACK"}
    assert lines(house.pass_time(0.5)) == ["180 INVITE"]


def test_d15_second_reliable_response_and_the_2xx_wait_for_the_first(build: Build) -> None:
    house = ringing(build, 180, 183, 200)
    sent = house.receive(offered(house, extra=SUPPORTED))
    first = one(sent, "180 INVITE")
    assert isinstance(first, Response)

    second = house.receive(prack(house, first, 2))
    assert lines(sent) == ["180 INVITE"]
    assert lines(second) == ["200 PRACK", "183 INVITE"]
    assert second[1].headers.get("rseq") == "2"
    third = house.receive(prack(house, second[1], 3))  # type: ignore[arg-type]
    assert lines(third) == ["200 PRACK", "200 INVITE"]


def test_d15_refusal_does_not_wait_and_ends_the_repetitions(build: Build) -> None:
    house = ringing(build, 180, 486)

    sent = house.receive(offered(house, extra=SUPPORTED))

    assert lines(sent) == ["180 INVITE", "486 INVITE"]
    assert "180 INVITE" not in lines(house.pass_time(0.5))


def test_d15_invite_that_requires_it_has_every_response_reliable(build: Build) -> None:
    house = build(Callee, settings={"answers": (180,)})

    response = answered(house, offered(house, extra=REQUIRED), "180 INVITE")

    assert response.headers.get("rseq") == "1"


def test_d15_caller_that_does_not_know_it_gets_no_reliable_response(build: Build) -> None:
    house = build(Callee, settings={"answers": (180,)})
    answered(house, offered(house), "180 INVITE")

    with pytest.raises(InvalidStateError, match="100rel"):
        house.servlets[0].kept[0].create_response(183).send_reliably()  # type: ignore[attr-defined]


def test_d15_caller_acknowledges_each_reliable_response_once_and_in_order(build: Build) -> None:
    house = build(Caller)
    invite = agents.call(house, ("Supported", "100rel"), body=OFFER)

    first = house.receive(reliable(invite, 10))
    again = house.receive(reliable(invite, 10))
    skipped = house.receive(reliable(invite, 12))
    second = house.receive(reliable(invite, 11))

    assert request_of(first, "PRACK").headers.get("rack") == "10 1 INVITE"
    assert (again, skipped) == ([], [])
    assert (request_of(second, "PRACK").headers.get("rack"), second[0].cseq.number) == ("11 1 INVITE", 3)


def test_d15_prack_passes_from_leg_to_leg_with_its_body(build: Build) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house, extra=SUPPORTED)), "INVITE")
    progress = one(house.receive(reliable(invite, 7, ANSWER), BOB), "183 INVITE")
    assert isinstance(progress, Response)

    relayed = request_of(house.receive(prack(house, progress).with_body(OFFER, SDP)), "PRACK")

    assert invite.headers.get("supported") == "100rel"
    assert (relayed.headers.get("rack"), relayed.body) == ("7 1 INVITE", OFFER)
    assert lines(house.receive(agents.reply(relayed, 200, "a1", ANSWER), BOB)) == ["200 PRACK"]
    assert lines(house.receive(agents.reply(invite, 200, "a1"), BOB)) == ["200 INVITE"]


def test_d15_relay_acknowledges_by_itself_where_the_caller_does_not_know_it(build: Build) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house)), "INVITE")

    sent = house.receive(reliable(invite, 7), BOB)

    assert sorted(lines(sent)) == ["183 INVITE", "PRACK"]
    assert "rseq" not in one(sent, "183 INVITE").headers


def test_d15_caller_of_a_relayed_call_that_does_not_acknowledge_ends_both_legs(build: Build) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house, extra=SUPPORTED)), "INVITE")
    house.receive(reliable(invite, 7), BOB)

    found = timeline(house, 33)

    assert times(found, "504 INVITE")[0] == 32.0
    assert times(found, "CANCEL")[0] == 32.0


def reliable(invite: Request, rseq: int, body: bytes = b"") -> Response:
    return agents.reply(invite, 183, body=body, extra=(("Require", "100rel"), ("RSeq", str(rseq))))
