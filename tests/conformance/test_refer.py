"""Row D18: referrals and what is told of them (RFC 3515, 3420, 4488)."""

from collections.abc import Callable
from typing import Any

import pytest

from server.container.records import Sessions
from server.container.sessions import ContainerSipSession
from server.engine.call import CallKey
from server.servlet import SipRequest, SipSession
from server.sip.build import make_response
from server.sip.message import Request
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, Callee, Caller, established, from_callee, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import House, lines

Build = Callable[..., House]
TO_CAROL = ("Refer-To", "<sip:carol@192.0.2.3>")


class Referee(Callee):
    """Takes every referral and says that it has worked."""

    status = b"SIP/2.0 100 Trying"

    def do_refer(self, request: SipRequest) -> None:
        request.create_response(202).send()

    def notification(self, session: SipSession, event: str) -> tuple[bytes, str | None]:
        return self.status, super().notification(session, event)[1]


class Referrer(Caller):
    """Refers, and remembers what it is told."""

    def do_notify(self, request: SipRequest) -> None:
        self.seen.append(request.body.decode())
        super().do_notify(request)

    def subscription_ended(self, session: SipSession, event: str, reason: str) -> None:
        self.seen.append(f"{event}: {reason}")


@pytest.fixture
def referee(build: Build) -> House:
    return build(Referee)


def test_d18_referral_is_accepted_and_told_at_once(referee: House) -> None:
    ok = established(referee, offered(referee))

    sent = referee.receive(referee.in_dialog("REFER", 2, ok, extra=(TO_CAROL,)))

    assert lines(sent) == ["202 REFER", "NOTIFY"]
    notify = request_of(sent, "NOTIFY")
    assert (notify.headers.get("event"), notify.headers.get("subscription-state")) == (
        "refer;id=2", "active;expires=180",
    )  # fmt: skip
    assert (notify.body, notify.content_type) == (b"SIP/2.0 100 Trying", "message/sipfrag;version=2.0")


def test_d18_several_referrals_are_told_apart_by_their_numbers_and_the_last_word_ends_each(referee: House) -> None:
    ok = established(referee, offered(referee))
    for number in (2, 3):
        sent = referee.receive(referee.in_dialog("REFER", number, ok, extra=(TO_CAROL,)))
        referee.receive(make_response(request_of(sent, "NOTIFY"), 200))

    referee.servlets[0].status = b"SIP/2.0 200 OK"  # type: ignore[attr-defined]
    told = end(referee, ok.to.tag or "")

    assert [notify.headers.get("event") for notify in told] == ["refer;id=2", "refer;id=3"]
    assert {notify.headers.get("subscription-state") for notify in told} == {"terminated;reason=noresource"}
    assert {notify.body for notify in told} == {b"SIP/2.0 200 OK"}
    assert lines(referee.receive(referee.in_dialog("UPDATE", 4, ok))) == ["200 UPDATE"]


def test_d18_referral_that_wants_to_hear_nothing_hears_nothing(referee: House) -> None:
    ok = established(referee, offered(referee))

    (accepted,) = referee.receive(referee.in_dialog("REFER", 2, ok, extra=(TO_CAROL, ("Refer-Sub", "false"))))

    assert (lines([accepted]), accepted.headers.get("refer-sub")) == (["202 REFER"], "false")


def test_d18_referral_to_nobody_is_400(referee: House) -> None:
    ok = established(referee, offered(referee))

    assert lines(referee.receive(referee.in_dialog("REFER", 2, ok))) == ["400 REFER"]


def test_d18_referral_outside_a_dialog_makes_one(referee: House) -> None:
    sent = referee.receive(referee.request("REFER", extra=(TO_CAROL,)))

    assert lines(sent) == ["202 REFER", "NOTIFY"]
    assert request_of(sent, "NOTIFY").from_.tag == one(sent, "202 REFER").to.tag


def test_d18_referral_of_which_nobody_speaks_any_more_ends_in_time(referee: House) -> None:
    ok = established(referee, offered(referee))
    sent = referee.receive(referee.in_dialog("REFER", 2, ok, extra=(TO_CAROL,)))
    referee.receive(make_response(request_of(sent, "NOTIFY"), 200))

    notify = request_of(referee.pass_time(180), "NOTIFY")

    assert notify.headers.get("subscription-state") == "terminated;reason=timeout"


@pytest.mark.parametrize("event", ["refer;id={}", "refer"])
def test_d18_who_refers_is_told_how_it_goes(build: Build, event: str) -> None:
    house = build(Referrer)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 200, body=ANSWER))
    refer = agents.in_session(house, invite, "REFER")
    house.receive(agents.reply(refer, 202))

    for number, status, state in (
        (1, "100 Trying", "active;expires=60"),
        (2, "200 OK", "terminated;reason=noresource"),
    ):
        notify = told(invite, number, event.format(refer.cseq.number), state, status)
        assert lines(house.receive(notify)) == ["200 NOTIFY"]

    assert house.servlets[0].seen[-5:] == [  # type: ignore[attr-defined]
        "NOTIFY", "SIP/2.0 100 Trying", "NOTIFY", "SIP/2.0 200 OK", "refer: noresource",
    ]  # fmt: skip
    assert lines(house.receive(from_callee(invite, "UPDATE", 3))) == ["200 UPDATE"]


def test_d18_refused_referral_is_told(build: Build) -> None:
    house = build(Referrer)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 200, body=ANSWER))

    house.receive(agents.reply(agents.in_session(house, invite, "REFER"), 603))

    assert "refer: refused" in house.servlets[0].seen  # type: ignore[attr-defined]


def told(invite: Request, number: int, event: str, state: str, status: str) -> Request:
    extra = (("Event", event), ("Subscription-State", state))
    notify = from_callee(invite, "NOTIFY", number, extra=extra)
    return notify.with_body(f"SIP/2.0 {status}".encode(), "message/sipfrag")


def end(house: House, session: str) -> list[Any]:
    """Have the application tell the last of its referrals; return what is sent."""

    def act(call: Any) -> None:
        kept = ContainerSipSession(house.container, call, call.section("sessions", Sessions).sips[session])
        kept.notify("refer", end="noresource")

    house.wire.sent.clear()
    house.engine.run(CallKey(session[-20:]), act)
    return list(house.wire.sent)
