"""Rows D18 and D19: INVITEs that replace or join a dialog, requests that know of one, and what a REFER has us send."""

from collections.abc import Callable

import pytest

from server.servlet import B2buaServlet, SipRequest, SipServlet
from server.sip.build import make_cancel
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, SDP, Callee, Caller, answered, established, from_callee, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import BOB, House, lines

Build = Callable[..., House]
CAROL = ("192.0.2.3", 5060)


class Passing(SipServlet):
    """Passes an INVITE on to Bob."""

    def do_invite(self, request: SipRequest) -> None:
        request.create_proxy().proxy_to("sip:bob@192.0.2.2")


class Mixing(Callee):
    joins = True


class Referee(Callee):
    """Does what a REFER asks, once it comes from somebody who knows a dialog."""

    def do_refer(self, request: SipRequest) -> None:
        known = request.session.named
        self.seen.append("knows" if known is not None and known.state == "CONFIRMED" else "stranger")
        referred = self.context.factory.create_referred(request)
        request.create_response(202).send()
        referred.set_body(OFFER, SDP)
        referred.send()


@pytest.fixture
def callee(build: Build) -> House:
    return build(Callee)


def name_of(ok: Response | Request, *, call_id: str = "", more: str = "") -> str:
    """Name the dialog of a 200 that the house has sent, as its peer sees it."""
    return f"{call_id or ok.call_id};to-tag={ok.to.tag};from-tag={ok.from_.tag}{more}"


def newcomer(house: House, header: str, value: str, method: str = "INVITE", **more: object) -> Request:
    """Make a request of somebody else who names a dialog."""
    extra = ((header, value), ("Require", {"Replaces": "replaces", "Join": "join"}.get(header, "tdialog")))
    return house.request(method, tag="c", call_id="c-carol", extra=extra, **more).with_body(OFFER, SDP)  # type: ignore[arg-type]


def test_d19_accepted_invite_takes_the_place_of_the_dialog_that_it_names(callee: House) -> None:
    ok = established(callee, offered(callee))

    sent = callee.receive(newcomer(callee, "Replaces", name_of(ok)), CAROL)

    assert sorted(lines(sent)) == ["200 INVITE", "BYE"]
    bye = request_of(sent, "BYE")
    assert (bye.call_id, bye.to.tag) == (ok.call_id, ok.from_.tag)
    callee.receive(agents.reply(bye, 200))
    new = one(sent, "200 INVITE")
    callee.receive(callee.in_dialog("ACK", 1, new, tag="c", call_id="c-carol"))
    update = callee.in_dialog("UPDATE", 2, new, tag="c", call_id="c-carol")
    assert lines(callee.receive(update)) == ["200 UPDATE"]
    assert lines(callee.receive(callee.in_dialog("INFO", 5, ok))) == ["481 INFO"]


def test_d19_refused_invite_leaves_the_dialog_that_it_names(build: Build) -> None:
    house = build(Callee, settings={"answers": (200,)})
    ok = established(house, offered(house))
    house.servlets[0].answers = (486,)  # type: ignore[attr-defined]

    assert lines(house.receive(newcomer(house, "Replaces", name_of(ok)), CAROL)) == ["486 INVITE"]
    assert lines(house.receive(house.in_dialog("UPDATE", 2, ok))) == ["200 UPDATE"]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("{name};early-only", 486),
        ("{call_id};to-tag={to};from-tag=other", 481),
        ("other-call;to-tag={to};from-tag=a", 481),
        ("{call_id};to-tag=unknown;from-tag=a", 481),
        ("{call_id};to-tag=x.00000000000000000000;from-tag=a", 481),
        ("{call_id};to-tag={to}", 400),
        ("{name}\r\nReplaces: {name}", 400),
        ("{name}\r\nJoin: {name}", 400),
    ],
)
def test_d19_name_of_no_dialog_that_may_be_replaced_is_refused(callee: House, value: str, status: int) -> None:
    ok = established(callee, offered(callee))
    text = value.format(name=name_of(ok), call_id=ok.call_id, to=ok.to.tag)
    invite = callee.request(tag="c", call_id="c-carol")
    for line in f"Replaces: {text}".split("\r\n"):
        invite = invite.with_added(*line.split(": ", 1))

    assert lines(callee.receive(invite, CAROL)) == [f"{status} INVITE"]


def test_d19_only_an_invite_replaces(build: Build) -> None:
    class Post(Callee):
        def do_message(self, request: SipRequest) -> None:
            request.create_response(200).send()

    house = build(Post)
    ok = established(house, offered(house))

    assert lines(house.receive(newcomer(house, "Replaces", name_of(ok), "MESSAGE"), CAROL)) == ["400 MESSAGE"]


@pytest.mark.parametrize("header", ["Replaces", "Join"])
@pytest.mark.parametrize("value", ["c-9;to-tag=1;from-tag=2", "c-9;to-tag=x.00000000000000000000;from-tag=2", "c-9"])
def test_d19_name_of_a_dialog_between_others_passes_through_a_proxy(build: Build, header: str, value: str) -> None:
    house = build(Passing)

    invite = request_of(house.receive(newcomer(house, header, value), CAROL), "INVITE")

    assert (invite.headers.get(header), invite.headers.get("require")) == (value, header.lower())


def test_d19_name_of_a_dialog_between_others_is_refused_by_who_opens_a_dialog_of_his_own(build: Build) -> None:
    house = build(B2buaServlet)

    assert lines(house.receive(newcomer(house, "Replaces", "c-9;to-tag=1;from-tag=2"), CAROL)) == ["481 INVITE"]


def test_d19_dialog_that_has_ended_is_declined(callee: House) -> None:
    ok = established(callee, offered(callee))
    agents.in_session(callee, ok, "BYE")

    assert lines(callee.receive(newcomer(callee, "Replaces", name_of(ok)), CAROL)) == ["603 INVITE"]


def test_d19_early_dialog_of_a_caller_is_replaced_by_cancelling_it(build: Build) -> None:
    house = build(Caller)
    invite = agents.call(house, body=OFFER)
    house.receive(agents.reply(invite, 180))
    name = f"{invite.call_id};to-tag={invite.from_.tag};from-tag=a1;early-only"

    sent = house.receive(newcomer(house, "Replaces", name), CAROL)

    assert sorted(lines(sent)) == ["200 INVITE", "CANCEL"]
    assert lines(house.receive(agents.reply(invite, 487))) == ["ACK"]


def test_d19_early_dialog_of_a_callee_is_not_replaced(build: Build) -> None:
    house = build(Callee, settings={"answers": (180,)})
    ringing = answered(house, offered(house), "180 INVITE")

    assert lines(house.receive(newcomer(house, "Replaces", name_of(ringing)), CAROL)) == ["481 INVITE"]


def test_d19_dialog_that_no_invite_has_made_is_not_replaced(build: Build) -> None:
    class Telling(Callee):
        events = ("dialog",)

    house = build(Telling)
    ok = one(house.receive(house.request("SUBSCRIBE", extra=(("Event", "dialog"),))), "200 SUBSCRIBE")

    assert lines(house.receive(newcomer(house, "Replaces", name_of(ok)), CAROL)) == ["481 INVITE"]


def test_d19_leg_of_a_relayed_call_is_replaced_and_the_other_party_stays(build: Build) -> None:
    house = build(B2buaServlet)
    to_bob = request_of(house.receive(offered(house)), "INVITE")
    ok = house.receive(agents.reply(to_bob, 200, "b", ANSWER), BOB)[0]
    assert isinstance(ok, Response)
    house.receive(house.in_dialog("ACK", 1, ok))

    again = request_of(house.receive(newcomer(house, "Replaces", name_of(ok)), CAROL), "INVITE")
    assert (again.to.tag, again.body) == ("b", OFFER)
    sent = house.receive(agents.reply(again, 200, "b", ANSWER), BOB)
    assert sorted(lines(sent)) == ["200 INVITE", "BYE"]
    bye, accepted = request_of(sent, "BYE"), one(sent, "200 INVITE")
    assert (bye.to.tag, accepted.body) == ("a", ANSWER)
    house.receive(agents.reply(bye, 200))
    assert lines(house.receive(house.in_dialog("ACK", 1, accepted, tag="c", call_id="c-carol"), CAROL)) == ["ACK"]
    ended = house.receive(from_callee_of(again, "BYE"), BOB)
    assert sorted(lines(ended)) == ["200 BYE", "BYE"]
    assert request_of(ended, "BYE").to.tag == "c"


def test_d19_leg_of_a_relayed_call_stays_when_the_other_party_refuses_the_newcomer(build: Build) -> None:
    house = build(B2buaServlet)
    to_bob = request_of(house.receive(offered(house)), "INVITE")
    ok = house.receive(agents.reply(to_bob, 200, "b", ANSWER), BOB)[0]
    assert isinstance(ok, Response)
    house.receive(house.in_dialog("ACK", 1, ok))
    again = request_of(house.receive(newcomer(house, "Replaces", name_of(ok)), CAROL), "INVITE")

    assert sorted(lines(house.receive(agents.reply(again, 488, "b"), BOB))) == ["488 INVITE", "ACK"]
    info = request_of(house.receive(house.in_dialog("INFO", 2, ok, body=b"5")), "INFO")
    assert info.to.tag == "b"


def test_d19_call_that_is_relayed_and_still_rings_is_not_replaced(build: Build) -> None:
    house = build(B2buaServlet)
    to_bob = request_of(house.receive(offered(house)), "INVITE")
    house.receive(agents.reply(to_bob, 180, "b"), BOB)
    name = f"{to_bob.call_id};to-tag={to_bob.from_.tag};from-tag=b"

    assert lines(house.receive(newcomer(house, "Replaces", name), CAROL)) == ["488 INVITE"]


def test_d19_cancel_of_an_invite_that_replaces_finds_it(build: Build) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.servlets[0].answers = (180,)  # type: ignore[attr-defined]
    invite = newcomer(house, "Replaces", name_of(ok))
    house.receive(invite, CAROL)

    sent = house.receive(make_cancel(invite), CAROL)

    assert sorted(lines(sent)) == ["200 CANCEL", "487 INVITE"]
    assert lines(house.receive(house.in_dialog("UPDATE", 2, ok))) == ["200 UPDATE"]


@pytest.mark.parametrize(("servlet", "status"), [(Callee, 488), (Mixing, 200)])
def test_d19_join_needs_somebody_who_mixes(build: Build, servlet: type[Callee], status: int) -> None:
    house = build(servlet)
    ok = established(house, offered(house))

    assert lines(house.receive(newcomer(house, "Join", name_of(ok)), CAROL)) == [f"{status} INVITE"]
    assert lines(house.receive(house.in_dialog("UPDATE", 2, ok))) == ["200 UPDATE"]


@pytest.mark.parametrize("order", ["local-tag={to};remote-tag={from_}", "remote-tag={to};local-tag={from_}"])
def test_d18_refer_outside_the_dialog_that_knows_of_it_is_told_apart_from_a_strangers(build: Build, order: str) -> None:
    house = build(Referee)
    ok = established(house, offered(house))
    tags = order.format(to=ok.to.tag, from_=ok.from_.tag)
    extra = (("Refer-To", "<sip:dave@192.0.2.4>"), ("Target-Dialog", f"{ok.call_id};{tags}"), ("Require", "tdialog"))

    known = house.receive(house.request("REFER", tag="r", call_id="c-refer", extra=extra))
    house.receive(house.request("REFER", tag="s", call_id="c-other", extra=extra[:1]))

    assert lines(known)[0] == "202 REFER"
    assert house.servlets[0].seen[-2:] == ["REFER", "stranger"]  # type: ignore[attr-defined]
    assert "knows" in house.servlets[0].seen  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["x;local-tag=1;remote-tag=2", "x;local-tag=1", "nothing", ";"])
def test_d18_target_dialog_that_is_none_is_no_proof(build: Build, value: str) -> None:
    house = build(Referee)
    extra = (("Refer-To", "<sip:dave@192.0.2.4>"), ("Target-Dialog", value))

    sent = house.receive(house.request("REFER", extra=extra))

    assert lines(sent)[0] == "202 REFER"
    assert "knows" not in house.servlets[0].seen  # type: ignore[attr-defined]


def test_d18_referred_request_goes_where_it_should_and_says_who_has_referred(build: Build) -> None:
    house = build(Referee)
    ok = established(house, offered(house))
    target = (
        "<sip:carol@192.0.2.3;method=INVITE?Replaces=c-9%3Bto-tag%3D1%3Bfrom-tag%3D2&Call-ID=x&Route=%3Csip:evil%3E>"
    )
    extra = (("Refer-To", target), ("Referred-By", '<sip:alice@192.0.2.1>;cid="x"'))

    invite = request_of(house.receive(house.in_dialog("REFER", 2, ok, extra=extra)), "INVITE")

    assert invite.uri == "sip:carol@192.0.2.3"
    assert invite.headers.get("replaces") == "c-9;to-tag=1;from-tag=2"
    assert invite.headers.get("referred-by") == '<sip:alice@192.0.2.1>;cid="x"'
    assert invite.from_.uri == "sip:bob@192.0.2.2"
    assert (invite.call_id != "x", invite.routes) == (True, ())


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("<sip:carol@192.0.2.3;method=BYE>", 400),
        ("<tel:+123>", 416),
        ("carol", 400),
        ("<sip:c@h?Subject=a%0D%0Ab>", 400),
    ],
)
def test_d18_refer_to_that_cannot_be_followed_is_refused(build: Build, target: str, status: int) -> None:
    house = build(Referee)
    ok = established(house, offered(house))

    sent = house.receive(house.in_dialog("REFER", 2, ok, extra=(("Refer-To", target),)))

    assert lines(sent) == [f"{status} REFER"]


def from_callee_of(invite: Request, method: str) -> Request:
    return from_callee(invite, method, 5, "b").with_header("From", "<sip:bob@192.0.2.2>;tag=b")
