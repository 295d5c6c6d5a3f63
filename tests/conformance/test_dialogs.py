"""Rows D1 to D10: dialogs of user agents of the house, message by message."""

from collections.abc import Callable

import pytest

from server.servlet import METHODS, B2buaServlet, EventServlet, SipRequest, SipServlet
from server.sip.build import make_ack, make_cancel
from server.sip.message import Request, Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, SDP, Callee, Caller, answered, established, from_callee, offered
from tests.conformance.answering.servlets import AnsweringServlet
from tests.conformance.ladder import one, request_of, timeline, times
from tests.server.container.kit import BOB, House, lines, reply

Build = Callable[..., House]


class Everything(SipServlet):
    """Answers whatever comes."""

    def do_other(self, request: SipRequest) -> None:
        request.create_response(200).send()


@pytest.fixture
def callee(build: Build) -> House:
    return build(Callee)


@pytest.fixture
def caller(build: Build) -> House:
    return build(Caller)


@pytest.fixture
def silent(build: Build) -> House:
    return build(Callee, settings={"answers": (180,)})


def test_d1_routes_and_target_of_the_callees_dialog_are_those_of_the_invite(callee: House) -> None:
    routes = (("Record-Route", "<sip:192.0.2.8;lr>, <sip:192.0.2.9;lr>"),)
    ok = established(callee, offered(callee, extra=routes, contact="<sip:alice@192.0.2.77:5099>"))

    info = agents.in_session(callee, ok, "INFO")

    assert ok.headers.get_all("record-route") == ("<sip:192.0.2.8;lr>, <sip:192.0.2.9;lr>",)
    assert info.uri == "sip:alice@192.0.2.77:5099"
    assert [route.uri for route in info.routes] == ["sip:192.0.2.8;lr", "sip:192.0.2.9;lr"]
    assert (info.from_.tag, info.to.tag, info.call_id) == (ok.to.tag, "a", "c-1")


def test_d1_routes_of_the_callers_dialog_are_those_of_the_answer_in_reverse(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    routed = agents.reply(invite, 200, extra=(("Record-Route", "<sip:192.0.2.8;lr>, <sip:192.0.2.9;lr>"),))

    ack = request_of(caller.receive(routed), "ACK")

    assert ack.uri == "sip:alice@192.0.2.1;line=a1"
    assert [route.uri for route in ack.routes] == ["sip:192.0.2.9;lr", "sip:192.0.2.8;lr"]


def test_d2_strict_router_gets_the_request_and_the_target_the_last_route(callee: House) -> None:
    ok = established(callee, offered(callee, extra=(("Record-Route", "<sip:192.0.2.8>"),)))

    info = agents.in_session(callee, ok, "INFO")

    assert (info.uri, [route.uri for route in info.routes]) == ("sip:192.0.2.8", ["sip:alice@192.0.2.1"])


@pytest.mark.parametrize(("number", "status"), [(1, "500 UPDATE"), (2, "200 UPDATE"), (900, "200 UPDATE")])
def test_d3_number_has_to_rise_and_may_have_gaps(callee: House, number: int, status: str) -> None:
    ok = established(callee, offered(callee))

    assert lines(callee.receive(callee.in_dialog("UPDATE", number, ok))) == [status]


def test_d3_request_in_an_unknown_dialog_is_481(callee: House) -> None:
    ok = established(callee, offered(callee))

    assert lines(callee.receive(callee.in_dialog("INFO", 2, ok, tag="other"))) == ["481 INFO"]
    assert lines(callee.receive(callee.request("INFO", 2, "nobody"))) == ["481 INFO"]


@pytest.mark.parametrize(("method", "target"), [("UPDATE", "new"), ("INFO", "alice")])
def test_d3_only_some_requests_give_the_dialog_another_target(callee: House, method: str, target: str) -> None:
    ok = established(callee, offered(callee))
    callee.receive(callee.in_dialog(method, 2, ok, contact="<sip:new@192.0.2.1>"))

    assert agents.in_session(callee, ok, "INFO").uri == f"sip:{target}@192.0.2.1"


@pytest.mark.parametrize(("method", "target"), [("UPDATE", "new"), ("INFO", "alice")])
def test_d3_answer_to_some_requests_gives_the_dialog_another_target(callee: House, method: str, target: str) -> None:
    ok = established(callee, offered(callee))
    answer = agents.reply(agents.in_session(callee, ok, method), 200)
    callee.receive(answer.with_header("Contact", "<sip:new@192.0.2.1>"))

    assert agents.in_session(callee, ok, "INFO").uri == f"sip:{target}@192.0.2.1"


def test_d4_every_2xx_of_a_forked_invite_is_acknowledged_and_all_but_one_are_ended(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    for tag in ("a1", "a2", "a3"):
        caller.receive(agents.reply(invite, 180, tag))

    first = caller.receive(agents.reply(invite, 200, "a2"))
    second = caller.receive(agents.reply(invite, 200, "a1"))
    again = caller.receive(agents.reply(invite, 200, "a1"))

    assert [(m.to.tag, m.start_line) for m in first] == [("a2", "ACK sip:alice@192.0.2.1;line=a2 SIP/2.0")]
    assert [(line, m.to.tag) for line, m in zip(lines(second), second, strict=True)] == [("ACK", "a1"), ("BYE", "a1")]
    assert [m.wire() for m in again] == [second[0].wire()]


def test_d4_each_early_dialog_is_a_session_of_its_own(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    for tag in ("a1", "a2", "a3"):
        caller.receive(agents.reply(invite, 183, tag))
    caller.receive(agents.reply(invite, 200, "a2"))

    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a2"))) == ["200 UPDATE"]
    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a3"))) == ["200 UPDATE"]
    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a4"))) == ["481 UPDATE"]


def test_d4_early_dialogs_without_a_2xx_end_64_t1_after_the_first(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    for tag in ("a1", "a2"):
        caller.receive(agents.reply(invite, 180, tag))
    caller.receive(agents.reply(invite, 200, "a2"))

    caller.pass_time(31)
    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a1"))) == ["200 UPDATE"]
    caller.pass_time(2)
    assert lines(caller.receive(from_callee(invite, "UPDATE", 2, "a1"))) == ["481 UPDATE"]
    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a2"))) == ["200 UPDATE"]


def test_d4_refusal_ends_every_early_dialog(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    for tag in ("a1", "a2"):
        caller.receive(agents.reply(invite, 180, tag))

    assert lines(caller.receive(agents.reply(invite, 486, "a1"))) == ["ACK"]

    assert lines(caller.receive(from_callee(invite, "UPDATE", 1, "a2"))) == ["481 UPDATE"]


def test_d4_forked_answer_of_a_later_branch_is_the_other_leg_of_a_relayed_call(relay: House) -> None:
    invite = request_of(relay.receive(relay.request()), "INVITE")
    for tag in ("b1", "b2"):
        relay.receive(reply(invite, 180, tag), BOB)
    (ok,) = relay.receive(reply(invite, 200, "b2"), BOB)

    (ack,) = relay.receive(relay.in_dialog("ACK", 1, ok))
    info = request_of(relay.receive(relay.in_dialog("INFO", 2, ok)), "INFO")

    assert (ack.to.tag, info.to.tag) == ("b2", "b2")


def test_d5_invite_that_meets_ours_is_491_and_ours_is_tried_again_in_its_time(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    caller.receive(agents.reply(invite, 200))
    ours = agents.in_session(caller, invite, "INVITE", OFFER)

    assert lines(caller.receive(from_callee(invite, "INVITE", 1))) == ["491 INVITE"]
    assert lines(caller.receive(agents.reply(ours, 491))) == ["ACK"]

    found = timeline(caller, 5)
    assert 2.0 < times(found, "INVITE")[0] <= 4.25


def test_d5_callee_tries_again_within_two_seconds_with_a_higher_number_and_the_same_offer(callee: House) -> None:
    ok = established(callee, offered(callee))
    ours = agents.in_session(callee, ok, "INVITE", ANSWER)
    callee.receive(agents.reply(ours, 491))

    again = request_of([m for _ in range(9) for m in callee.pass_time(0.25)][:1], "INVITE")

    assert (again.cseq.number, again.body, again.via.branch != ours.via.branch) == (
        ours.cseq.number + 1, ANSWER, True,
    )  # fmt: skip


def test_d5_second_invite_while_one_is_open_is_500_with_retry_after(silent: House) -> None:
    silent.receive(offered(silent))
    ringing = silent.servlets[0].kept[0].session.id  # type: ignore[attr-defined]

    refused = one(silent.receive(silent.request("INVITE", 2, ringing)), "500 INVITE")

    assert 0 <= int(refused.headers.get("retry-after") or "") <= 10


@pytest.mark.parametrize("status", [488, 500])
def test_d5_failed_invite_leaves_the_session_as_it_was(build: Build, status: int) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.servlets[0].answers = (status,)  # type: ignore[attr-defined]
    again = offered(house, cseq=2, to=ok.to.tag or "", contact="<sip:new@192.0.2.1>")
    house.receive(make_ack(again, answered(house, again, f"{status} INVITE")))

    info = agents.in_session(house, ok, "INFO")

    assert (info.uri, info.routes) == ("sip:alice@192.0.2.1", ())
    assert lines(house.receive(house.in_dialog("UPDATE", 3, ok))) == ["200 UPDATE"]


def test_d6_target_of_a_failed_invite_is_taken_back_but_not_that_of_an_update_within(build: Build) -> None:
    house = build(Callee)
    ok = established(house, offered(house))
    house.servlets[0].answers = (180,)  # type: ignore[attr-defined]
    again = offered(house, cseq=2, to=ok.to.tag or "", contact="<sip:failed@192.0.2.1>")
    house.receive(again)
    house.receive(house.in_dialog("UPDATE", 3, ok, contact="<sip:updated@192.0.2.1>"))
    house.receive(make_cancel(again))

    assert agents.in_session(house, ok, "INFO").uri == "sip:updated@192.0.2.1"


def test_d7_bye_of_the_caller_in_an_early_dialog_ends_the_invite_with_487(silent: House) -> None:
    silent.receive(offered(silent))
    session = silent.servlets[0].kept[0].session.id  # type: ignore[attr-defined]

    assert sorted(lines(silent.receive(silent.request("BYE", 2, session)))) == ["200 BYE", "487 INVITE"]


def test_d7_callee_hangs_up_only_when_the_ack_has_come(callee: House) -> None:
    ok = answered(callee, offered(callee))
    with pytest.raises(ValueError, match="not enough values"):  # nothing is sent
        agents.in_session(callee, ok, "BYE")

    assert lines(callee.receive(callee.in_dialog("ACK", 1, ok))) == ["BYE"]


def test_d7_callee_hangs_up_when_no_ack_comes(callee: House) -> None:
    answered(callee, offered(callee))

    assert times(timeline(callee, 33), "BYE")[0] == 32.0


def test_d7_bye_that_crosses_ours_is_200(callee: House) -> None:
    ok = established(callee, offered(callee))
    bye = agents.in_session(callee, ok, "BYE")

    assert lines(callee.receive(callee.in_dialog("BYE", 2, ok))) == ["200 BYE"]
    assert callee.receive(agents.reply(bye, 200)) == []


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE"])
def test_d8_what_is_required_and_not_known_is_420(relay: House, method: str) -> None:
    request = relay.request(method, extra=(("Require", "foo, 100rel"), ("Require", "bar")))

    assert one(relay.receive(request), f"420 {method}").headers.get("unsupported") == "foo, bar"


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ((), 415, ("accept", SDP)),
        ((("Accept", "text/html"),), 406, ("accept", None)),
        ((("Accept", f"text/html, {SDP}"),), 486, ("accept", None)),
    ],
)
def test_d9_bodies_that_are_not_understood_or_not_wanted_are_refused(
    build: Build, headers: tuple[tuple[str, str], ...], status: int, says: tuple[str, str | None]
) -> None:
    house = build(AnsweringServlet)
    invite = house.request(body=b"x", extra=headers)
    invite = invite if status == 415 else invite.with_body(OFFER, SDP)

    refused = one(house.receive(invite), f"{status} INVITE")

    assert refused.headers.get(says[0]) == says[1]


def test_d9_too_long_a_request_uri_is_414(callee: House) -> None:
    invite = callee.request(uri=f"sip:{'b' * 8192}@192.0.2.2")

    assert lines(callee.receive(invite)) == ["414 INVITE"]


def test_d10_options_says_what_is_understood(callee: House) -> None:
    (ok,) = callee.receive(callee.request("OPTIONS"))

    assert lines([ok]) == ["200 OPTIONS"]
    understood = {name: set((ok.headers.get(name) or "").replace(" ", "").split(",")) for name in (
        "allow", "accept", "accept-encoding", "accept-language", "supported",
    )}  # fmt: skip
    assert {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE", "PRACK"} <= understood["allow"]
    assert understood["accept"] == {SDP}
    assert understood["accept-encoding"] == {"identity"}
    assert understood["accept-language"] == {"en"}
    assert {"100rel", "timer"} <= understood["supported"]


def allowed(answer: Request | Response) -> set[str]:
    return set((answer.headers.get("allow") or "").split(", "))


@pytest.mark.parametrize(
    ("servlet", "more", "less"),
    [
        (
            SipServlet,
            {"ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "NOTIFY"},
            {"INVITE", "REFER", "SUBSCRIBE", "UPDATE"},
        ),
        (B2buaServlet, {"INVITE", "UPDATE", "INFO", "MESSAGE"}, {"REFER", "SUBSCRIBE", "PUBLISH", "REGISTER"}),
        (EventServlet, {"SUBSCRIBE", "PUBLISH"}, {"INVITE"}),
        (Everything, set(METHODS), set()),
    ],
)
def test_d10_methods_that_are_answered_with_501_are_not_allowed(
    build: Build, servlet: type[SipServlet], more: set[str], less: set[str]
) -> None:
    house = build(servlet)

    (answer,) = house.receive(house.request("OPTIONS"))

    assert more <= allowed(answer)
    assert not less & allowed(answer)


def test_d10_methods_that_a_leg_allows_pass_to_the_other_as_far_as_they_are_served_in_between(build: Build) -> None:
    house = build(B2buaServlet)

    invite = request_of(house.receive(offered(house, extra=(("Allow", "INVITE,UPDATE ,REFER"),))), "INVITE")
    (ok,) = house.receive(reply(invite, 200, extra=(("Allow", "SUBSCRIBE, INFO, FOO"),)), BOB)

    assert (invite.headers.get("allow"), ok.headers.get("allow")) == ("INVITE, UPDATE", "INFO")


def test_g9_method_that_is_refused_is_not_among_those_that_are_allowed(build: Build) -> None:
    house = build(B2buaServlet)
    house.serve()

    (answer,) = house.receive(house.request("REFER"))

    assert lines([answer]) == ["405 REFER"]
    assert {"INVITE", "BYE"} <= allowed(answer)
    assert not {"REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH"} & allowed(answer)


@pytest.mark.parametrize("method", ["BYE", "INFO", "PRACK", "UPDATE"])
@pytest.mark.parametrize("served", [(), ("*",)])
def test_d7_request_that_says_nothing_outside_of_a_dialog_is_481_there(
    build: Build, method: str, served: tuple[str, ...]
) -> None:
    house = build(Everything)
    house.serve(*served)

    assert lines(house.receive(house.request(method))) == [f"481 {method}"]


def test_d10_options_in_a_dialog_changes_nothing(callee: House) -> None:
    ok = established(callee, offered(callee))

    assert lines(callee.receive(callee.in_dialog("OPTIONS", 2, ok))) == ["200 OPTIONS"]
    assert lines(callee.receive(callee.in_dialog("UPDATE", 3, ok))) == ["200 UPDATE"]
