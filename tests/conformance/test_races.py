"""Row D13: the races of RFC 5407, each named by its section; the house is one side, the test the other and the network.

States as there: Preparative and Early before the 2xx, Moratorium between 2xx and ACK, Established behind it, Mortal
behind the BYE.
"""

from collections.abc import Callable

import pytest

from server.sip.build import make_cancel
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, SDP, Callee, Caller, answered, established, from_callee, offered
from tests.conformance.ladder import timeline, times
from tests.server.container.kit import House, lines

Build = Callable[..., House]


@pytest.fixture
def callee(build: Build) -> House:
    return build(Callee, settings={"answers": (180, 200)})


@pytest.fixture
def ringing(build: Build) -> House:
    return build(Callee, settings={"answers": (180,)})


@pytest.fixture
def caller(build: Build) -> House:
    return build(Caller)


def moratorium(house: House, invite: Request) -> Response:
    """Bring the house to its 2xx; no ACK has come yet."""
    return answered(house, invite)


def talk(house: House) -> Request:
    """Bring a call of the house to its ACK; return the INVITE."""
    invite = agents.call(house, body=OFFER)
    assert lines(house.receive(agents.reply(invite, 200, body=ANSWER))) == ["ACK"]
    return invite


def test_d13_3_1_1_invite_that_repeats_in_moratorium_is_absorbed_and_the_2xx_repeats(callee: House) -> None:
    invite = offered(callee)
    moratorium(callee, invite)

    assert callee.receive(invite) == []
    assert lines(callee.pass_time(0.5)) == ["200 INVITE"]


def test_d13_3_1_2_cancel_in_moratorium_is_200_and_the_call_stands_until_its_bye(callee: House) -> None:
    invite = offered(callee)
    ok = moratorium(callee, invite)

    assert lines(callee.receive(make_cancel(invite))) == ["200 CANCEL"]
    assert callee.receive(callee.in_dialog("ACK", 1, ok)) == []
    assert lines(callee.receive(callee.in_dialog("BYE", 2, ok))) == ["200 BYE"]


def test_d13_3_1_2_2xx_that_crosses_our_cancel_is_acknowledged_and_ended(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    caller.receive(agents.reply(invite, 180))
    agents.cancel(caller, invite)

    sent = caller.receive(agents.reply(invite, 200, body=ANSWER))

    assert lines(sent)[0] == "ACK"


def test_d13_3_1_3_bye_of_the_caller_that_crosses_the_2xx_is_200_and_ends_the_repetitions(callee: House) -> None:
    ok = moratorium(callee, offered(callee))

    assert lines(callee.receive(callee.in_dialog("BYE", 2, ok))) == ["200 BYE"]
    assert callee.receive(callee.in_dialog("ACK", 1, ok)) == []
    assert times(timeline(callee, 40), "200 INVITE") == []


def test_d13_3_1_3_2xx_that_crosses_our_bye_is_acknowledged(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    caller.receive(agents.reply(invite, 180))
    bye = agents.in_session(caller, invite, "BYE")

    sent = caller.receive(agents.reply(invite, 200, body=ANSWER))

    assert (lines(sent), sent[0].cseq.number) == (["ACK"], invite.cseq.number)
    assert caller.receive(agents.reply(bye, 200)) == []


def test_d13_3_1_4_invite_before_the_ack_is_served_when_the_answer_was_in_the_2xx(callee: House) -> None:
    ok = moratorium(callee, offered(callee))

    again = answered(callee, offered(callee, cseq=2, to=ok.to.tag or ""))
    assert callee.receive(callee.in_dialog("ACK", 1, ok)) == []
    assert lines(callee.pass_time(0.5)) == ["200 INVITE"]
    callee.receive(callee.in_dialog("ACK", 2, again))
    assert timeline(callee, 40) == []


def test_d13_3_1_5_invite_before_the_ack_is_491_when_the_ack_has_to_bring_the_answer(callee: House) -> None:
    ok = moratorium(callee, callee.request())

    assert lines(callee.receive(offered(callee, cseq=2, to=ok.to.tag or ""))) == ["491 INVITE"]
    assert callee.receive(callee.in_dialog("ACK", 1, ok).with_body(ANSWER, SDP)) == []
    assert "200 INVITE" in lines(callee.receive(offered(callee, cseq=3, to=ok.to.tag or "")))


def test_d13_3_1_6_bye_after_a_lost_ack_is_200_and_ends_the_repetitions(callee: House) -> None:
    ok = moratorium(callee, offered(callee))
    callee.pass_time(0.5)

    assert lines(callee.receive(callee.in_dialog("BYE", 2, ok))) == ["200 BYE"]
    assert timeline(callee, 40) == []


def test_d13_3_2_1_bye_in_mortal_is_200(caller: House) -> None:
    invite = talk(caller)
    bye = agents.in_session(caller, invite, "BYE")

    assert lines(caller.receive(from_callee(invite, "BYE", 1))) == ["200 BYE"]
    assert caller.receive(agents.reply(bye, 200)) == []
    caller.pass_time(200)
    assert caller.engine.store.statistics().calls == 0


def test_d13_3_2_2_invite_in_mortal_is_481(caller: House) -> None:
    invite = talk(caller)
    agents.in_session(caller, invite, "BYE")

    assert lines(caller.receive(from_callee(invite, "INVITE", 1))) == ["481 INVITE"]


def test_d13_3_2_3_2xx_of_our_invite_in_mortal_is_acknowledged_and_revives_nothing(caller: House) -> None:
    invite = talk(caller)
    again = agents.in_session(caller, invite, "INVITE", OFFER)
    bye = agents.in_session(caller, invite, "BYE")

    sent = caller.receive(agents.reply(again, 200, body=ANSWER))

    assert (lines(sent), sent[0].cseq.number) == (["ACK"], again.cseq.number)
    caller.receive(agents.reply(bye, 200))
    caller.pass_time(200)
    assert caller.engine.store.statistics().calls == 0


def test_d13_3_2_4_ack_in_mortal_is_absorbed(callee: House) -> None:
    ok = established(callee, offered(callee))
    agents.in_session(callee, ok, "BYE")

    assert callee.receive(callee.in_dialog("ACK", 1, ok)) == []


def test_d13_3_3_1_invites_that_cross_are_both_491_and_tried_again_at_different_times(caller: House) -> None:
    invite = talk(caller)
    ours = agents.in_session(caller, invite, "INVITE", OFFER)

    assert lines(caller.receive(from_callee(invite, "INVITE", 1).with_body(OFFER, SDP))) == ["491 INVITE"]
    assert lines(caller.receive(agents.reply(ours, 491))) == ["ACK"]
    theirs = from_callee(invite, "INVITE", 2).with_body(OFFER, SDP)
    assert "200 INVITE" in lines(caller.receive(theirs))
    caller.receive(from_callee(invite, "ACK", 2))
    assert "INVITE" in [line for _, line in timeline(caller, 5)]


@pytest.mark.parametrize(("ours", "theirs"), [("INVITE", "UPDATE"), ("UPDATE", "INVITE")])
def test_d13_3_3_2_update_and_invite_with_offers_that_cross_are_both_491(caller: House, ours: str, theirs: str) -> None:
    invite = talk(caller)
    sent = agents.in_session(caller, invite, ours, OFFER)

    crossing = from_callee(invite, theirs, 1).with_body(OFFER, SDP)

    assert lines(caller.receive(crossing)) == [f"491 {theirs}"]
    assert lines(caller.receive(agents.reply(sent, 491))) == (["ACK"] if ours == "INVITE" else [])
    assert ours in [line for _, line in timeline(caller, 5)]


def test_d13_3_3_3_refer_in_mortal_is_481(caller: House) -> None:
    invite = talk(caller)
    agents.in_session(caller, invite, "BYE")

    refer = from_callee(invite, "REFER", 1, extra=(("Refer-To", "<sip:carol@192.0.2.3>"),))

    assert lines(caller.receive(refer)) == ["481 REFER"]


def test_d13_bye_that_crosses_our_invite_ends_the_call_and_our_invite(caller: House) -> None:
    invite = talk(caller)
    again = agents.in_session(caller, invite, "INVITE", OFFER)

    assert lines(caller.receive(from_callee(invite, "BYE", 1))) == ["200 BYE"]
    assert lines(caller.receive(agents.reply(again, 481))) == ["ACK"]
    caller.pass_time(200)
    assert caller.engine.store.statistics().calls == 0


def test_d13_bye_while_their_invite_is_open_answers_that_with_487(build: Build) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.servlets[0].answers = (180,)  # type: ignore[attr-defined]
    house.receive(offered(house, cseq=2, to=ok.to.tag or ""))

    assert sorted(lines(house.receive(house.in_dialog("BYE", 3, ok)))) == ["200 BYE", "487 INVITE"]
