"""Row D14: session timers (RFC 4028)."""

from collections.abc import Callable

import pytest

from server.container.records import Sessions, SipRecord
from server.engine.call import peek_section
from server.servlet import B2buaServlet, ProxyOptions, SipRequest, SipServlet
from server.sip.ids import KEY_LENGTH
from server.sip.message import Response
from tests.conformance import agents
from tests.conformance.agents import ANSWER, OFFER, Callee, Caller, answered, established, offered
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import BOB, House, lines

Build = Callable[..., House]


def asked(seconds: int, refresher: str = "", supported: str = "timer") -> tuple[tuple[str, str], ...]:
    value = f"{seconds};refresher={refresher}" if refresher else str(seconds)
    return (("Supported", supported), ("Session-Expires", value))


@pytest.fixture
def callee(build: Build) -> House:
    return build(Callee)


@pytest.fixture
def caller(build: Build) -> House:
    """A house whose INVITEs ask for a refresh every 300 seconds."""
    house = build(Caller)
    house.engine.session_expires = 300
    return house


def test_d14_too_short_an_interval_is_422_with_the_shortest(callee: House) -> None:
    refused = one(callee.receive(offered(callee, extra=asked(89))), "422 INVITE")

    assert refused.headers.get("min-se") == "90"
    assert lines(callee.receive(offered(callee, cseq=2, extra=asked(90)))) == ["200 INVITE"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (asked(1800), ("1800;refresher=uac", "timer")),
        (asked(1800, "uac"), ("1800;refresher=uac", "timer")),
        (asked(1800, "uas"), ("1800;refresher=uas", None)),
        (asked(30, supported="replaces"), ("90;refresher=uas", None)),
        ((), (None, None)),
    ],
)
def test_d14_answer_says_who_refreshes(
    callee: House, given: tuple[tuple[str, str], ...], says: tuple[str | None, str | None]
) -> None:
    ok = answered(callee, offered(callee, extra=given))

    assert (ok.headers.get("session-expires"), ok.headers.get("require")) == says


@pytest.mark.parametrize(("interval", "end"), [(300, 268), (90, 60)])
def test_d14_session_that_the_peer_does_not_refresh_ends_shortly_before_its_time(
    callee: House, interval: int, end: int
) -> None:
    established(callee, offered(callee, extra=asked(interval)))

    assert callee.pass_time(end - 1) == []
    assert lines(callee.pass_time(1)) == ["BYE"]
    assert callee.servlets[0].seen[-1] == "expired"  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_d14_refresh_of_the_peer_sets_the_timer_anew(callee: House, method: str) -> None:
    ok = established(callee, offered(callee, extra=asked(300)))
    callee.pass_time(200)

    fresh = one(callee.receive(callee.in_dialog(method, 2, ok, extra=asked(300, "uac"))), f"200 {method}")
    if method == "INVITE":
        callee.receive(callee.in_dialog("ACK", 2, ok))

    assert fresh.headers.get("session-expires") == "300;refresher=uac"
    assert callee.pass_time(267) == []
    assert lines(callee.pass_time(1)) == ["BYE"]


def test_d14_we_refresh_at_half_of_the_interval_and_go_on_when_it_is_granted(callee: House) -> None:
    established(callee, offered(callee, extra=asked(300, "uas")))

    assert callee.pass_time(149) == []
    update = request_of(callee.pass_time(1), "UPDATE")
    assert (update.headers.get("session-expires"), update.body) == ("300;refresher=uac", b"")
    callee.receive(agents.reply(update, 200, extra=(("Session-Expires", "300;refresher=uac"),)))
    assert callee.pass_time(149) == []
    assert lines(callee.pass_time(1)) == ["UPDATE"]


@pytest.mark.parametrize("status", [408, 481])
def test_d14_refresh_that_nobody_knows_ends_the_session(callee: House, status: int) -> None:
    established(callee, offered(callee, extra=asked(300, "uas")))
    update = request_of(callee.pass_time(150), "UPDATE")

    assert lines(callee.receive(agents.reply(update, status))) == ["BYE"]


NO_UPDATE = ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS")


def granted(interval: int = 300) -> tuple[tuple[str, str], ...]:
    return (("Session-Expires", f"{interval};refresher=uac"),)


def test_d14_peer_that_does_not_serve_update_is_refreshed_by_invite_with_the_same_description(callee: House) -> None:
    established(callee, offered(callee, extra=(*asked(300, "uas"), NO_UPDATE)))

    invite = request_of(callee.pass_time(150), "INVITE")
    sent = callee.receive(agents.reply(invite, 200, body=OFFER, extra=granted()))

    assert (invite.headers.get("session-expires"), invite.body) == ("300;refresher=uac", ANSWER)
    assert lines(sent) == ["ACK"]
    assert lines(callee.receive(agents.reply(invite, 200, body=OFFER, extra=granted()))) == ["ACK"]
    assert "2 INVITE" not in " ".join(callee.servlets[0].seen)  # type: ignore[attr-defined]
    assert callee.pass_time(149) == []
    assert lines(callee.pass_time(1)) == ["INVITE"]


def test_d14_refresh_by_invite_that_is_refused_ends_the_session_or_is_tried_again(callee: House) -> None:
    established(callee, offered(callee, extra=(*asked(300, "uas"), NO_UPDATE)))
    invite = request_of(callee.pass_time(150), "INVITE")

    assert callee.receive(agents.reply(invite, 180)) == []
    assert lines(callee.receive(agents.reply(invite, 491))) == ["ACK"]
    again = request_of(callee.pass_time(2.5), "INVITE")
    assert (again.cseq.number, again.body) == (invite.cseq.number + 1, ANSWER)
    assert lines(callee.receive(agents.reply(again, 481))) == ["ACK", "BYE"]


def test_d14_peer_that_refuses_update_is_refreshed_by_invite(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    caller.receive(agents.reply(invite, 200, body=ANSWER, extra=granted()))
    update = request_of(caller.pass_time(150), "UPDATE")

    caller.receive(agents.reply(update, 405))
    refresh = request_of(caller.pass_time(0), "INVITE")

    assert (refresh.headers.get("session-expires"), refresh.body) == ("300;refresher=uac", OFFER)


def test_d14_session_with_an_open_invite_is_refreshed_when_that_is_over(callee: House) -> None:
    ok = established(callee, offered(callee, extra=asked(300, "uas")))
    ours = agents.in_session(callee, ok, "INVITE", OFFER)
    callee.receive(agents.reply(ours, 180))

    assert "UPDATE" not in lines(callee.pass_time(150))
    callee.receive(agents.reply(ours, 488))
    assert lines(callee.pass_time(2)) == ["UPDATE"]


def test_d14_description_is_kept_only_while_it_may_be_needed(callee: House) -> None:
    plain, knowing = offered(callee), offered(callee, call_id="c-2", extra=(*asked(300), ("Allow", "INVITE, UPDATE")))
    ignorant = offered(callee, call_id="c-3", extra=(*asked(300), NO_UPDATE))

    kept = [record_of(callee, answered(callee, invite)).description for invite in (plain, knowing, ignorant)]

    assert kept == [None, None, ANSWER]


def record_of(house: House, ok: Response) -> SipRecord:
    tag = ok.to.tag or ""
    found = house.engine.store.peek(tag[-KEY_LENGTH:])
    assert found is not None
    return peek_section(found[1], "sessions", Sessions).sips[tag]


class Passing(SipServlet):
    """Passes calls on to Bob and asks for a refresh every 300 seconds."""

    def do_invite(self, request: SipRequest) -> None:
        options = ProxyOptions(record_route=True, session_expires=300)
        request.create_proxy(options).proxy_to("sip:bob@192.0.2.2")


@pytest.mark.parametrize(
    ("given", "goes_on"),
    [
        ((), "300"),
        (asked(1800, "uac"), "300;refresher=uac"),
        (asked(200), "200"),
        ((("Min-SE", "500"),), "500"),
        (asked(300, supported="x"), "300"),
        ((("Session-Expires", "soon"),), "soon"),
    ],
)
def test_d14_proxy_asks_for_a_timer_where_nobody_asks_for_a_shorter_one(
    build: Build, given: tuple[tuple[str, str], ...], goes_on: str
) -> None:
    house = build(Passing)

    invite = request_of(house.receive(offered(house, extra=given)), "INVITE")

    assert invite.headers.get("session-expires") == goes_on


@pytest.mark.parametrize(
    ("supported", "grants", "says"),
    [
        ("timer", (), ("300;refresher=uac", "timer")),
        ("replaces", (), (None, None)),
        ("timer", (("Session-Expires", "250;refresher=uas"),), ("250;refresher=uas", None)),
    ],
)
def test_d14_proxy_has_the_caller_refresh_for_a_callee_who_knows_no_timers(
    build: Build, supported: str, grants: tuple[tuple[str, str], ...], says: tuple[str | None, str | None]
) -> None:
    house = build(Passing)
    invite = request_of(house.receive(offered(house, extra=(("Supported", supported),))), "INVITE")

    ok = one(house.receive(agents.reply(invite, 200, "b", ANSWER, extra=grants), BOB), "200 INVITE")

    assert (ok.headers.get("session-expires"), ok.headers.get("require")) == says


@pytest.mark.parametrize("grants", [granted(), (), (("Session-Expires", "soon"),)])
def test_d14_session_through_a_proxy_lasts_when_it_is_refreshed_or_needs_it_no_more(
    build: Build, grants: tuple[tuple[str, str], ...]
) -> None:
    house = build(Passing)
    invite = request_of(house.receive(offered(house, extra=asked(300))), "INVITE")
    ok = house.receive(agents.reply(invite, 200, "b", ANSWER, extra=granted()), BOB)[0]
    routes = tuple(("Route", str(route)) for route in ok.record_routes)
    house.pass_time(200)

    refresh = house.in_dialog("UPDATE", 2, ok, uri="sip:alice@192.0.2.1;line=b", extra=(*asked(300, "uac"), *routes))
    update = request_of(house.receive(refresh), "UPDATE")
    house.receive(agents.reply(update, 200, "b", extra=grants), BOB)

    house.pass_time(299)
    assert house.engine.store.statistics().calls == 1


def test_d14_proxy_asks_no_timer_of_what_makes_no_session(build: Build) -> None:
    class Posting(Passing):
        do_message = Passing.do_invite

    house = build(Posting)

    message = request_of(house.receive(house.request("MESSAGE", body=b"x")), "MESSAGE")

    assert message.headers.get("session-expires") is None


def test_d14_proxy_forgets_a_session_that_nobody_refreshes(build: Build) -> None:
    house = build(Passing)
    invite = request_of(house.receive(offered(house, extra=asked(300))), "INVITE")
    house.receive(agents.reply(invite, 200, "b", ANSWER, extra=granted()), BOB)

    house.pass_time(299)
    before = house.engine.store.statistics().calls
    house.pass_time(1)
    house.pass_time(1)

    assert (before, house.engine.store.statistics().calls) == (1, 0)


def test_d14_our_invite_asks_and_takes_what_is_granted(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    granted = (("Session-Expires", "200;refresher=uas"), ("Require", "timer"))
    caller.receive(agents.reply(invite, 200, body=ANSWER, extra=granted))

    assert (invite.headers.get("session-expires"), invite.headers.get("supported")) == ("300", "timer")
    assert caller.pass_time(167) == []
    assert lines(caller.pass_time(1)) == ["BYE"]


def test_d14_peer_without_timers_gets_a_session_without_end(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)
    caller.receive(agents.reply(invite, 200, body=ANSWER))

    assert caller.pass_time(10_000) == []


def test_d14_invite_that_is_refused_with_422_is_sent_again_with_the_longer_interval_once(caller: House) -> None:
    invite = agents.call(caller, body=OFFER)

    again = request_of(caller.receive(agents.reply(invite, 422, extra=(("Min-SE", "900"),))), "INVITE")

    assert (again.headers.get("session-expires"), again.headers.get("min-se")) == ("900", "900")
    assert (again.cseq.number, again.call_id, again.body) == (invite.cseq.number + 1, invite.call_id, OFFER)
    assert lines(caller.receive(agents.reply(again, 422, extra=(("Min-SE", "1800"),)))) == ["ACK"]


def test_d14_each_leg_of_a_relayed_call_has_its_own_timer_and_both_end_together(build: Build) -> None:
    house = build(B2buaServlet)
    invite = request_of(house.receive(offered(house, extra=asked(300))), "INVITE")
    ok = house.receive(agents.reply(invite, 200, "b", ANSWER), BOB)[0]
    house.receive(house.in_dialog("ACK", 1, ok))

    assert invite.headers.get("session-expires") is None
    assert ok.headers.get("session-expires") == "300;refresher=uac"
    assert sorted(lines(house.pass_time(268))) == ["BYE", "BYE"]
