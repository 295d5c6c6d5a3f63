"""Row D20: subscriptions to events, as notifier and as subscriber (RFC 6665)."""

from collections.abc import Callable
from typing import Any

import pytest

from server.container.records import Sessions
from server.container.sessions import ContainerSipSession
from server.engine.call import CallKey
from server.servlet import SipApplicationSession, SipRequest, SipServlet, SipSession
from server.sip.build import make_request, make_response
from server.sip.message import Request, Response
from tests.conformance.ladder import one, request_of
from tests.server.container.kit import House, lines

Build = Callable[..., House]
PRESENCE = ("Event", "presence")


class Presence(SipServlet):
    """Tells of presence and holds subscriptions of its own."""

    events = ("presence", "dialog")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[str] = []
        self.sessions: list[SipSession] = []
        self.status = 200

    def do_subscribe(self, request: SipRequest) -> None:
        self.sessions.append(request.session)
        request.create_response(self.status).send()

    def notification(self, session: SipSession, event: str) -> tuple[bytes, str | None]:
        return f"{event} of Bob".encode(), "text/plain"

    def do_notify(self, request: SipRequest) -> None:
        self.told.append(request.body.decode())
        super().do_notify(request)

    def subscription_ended(self, session: SipSession, event: str, reason: str) -> None:
        self.told.append(f"{event} ended: {reason}")


@pytest.fixture
def house(build: Build) -> House:
    return build(Presence)


def told(house: House) -> list[str]:
    return house.servlets[0].told  # type: ignore[attr-defined, no-any-return]


def subscribe(house: House, *headers: tuple[str, str], **more: Any) -> Request:
    return house.request("SUBSCRIBE", extra=headers or (PRESENCE,), **more)


def subscribed(house: House, *headers: tuple[str, str]) -> tuple[Response, Request]:
    """Subscribe; return the answer and the NOTIFY, which is answered."""
    sent = house.receive(subscribe(house, *headers))
    ok, notify = one(sent, "200 SUBSCRIBE"), request_of(sent, "NOTIFY")
    house.receive(make_response(notify, 200))
    assert isinstance(ok, Response)
    return ok, notify


def test_d20_subscription_is_granted_and_notified_at_once(house: House) -> None:
    sent = house.receive(subscribe(house, PRESENCE, ("Expires", "600")))

    ok, notify = sent
    assert lines(sent) == ["200 SUBSCRIBE", "NOTIFY"]
    assert (ok.headers.get("expires"), bool(ok.contacts)) == ("600", True)
    assert (notify.headers.get("event"), notify.headers.get("subscription-state")) == ("presence", "active;expires=600")
    assert (notify.body, notify.to.tag, notify.from_.tag) == (b"presence of Bob", "a", ok.to.tag)


@pytest.mark.parametrize(("asked", "granted"), [("", "3600"), ("60", "60"), ("999999", "7200")])
def test_d20_notifier_decides_how_long(house: House, asked: str, granted: str) -> None:
    headers = (PRESENCE, ("Expires", asked)) if asked else (PRESENCE,)

    assert subscribed(house, *headers)[0].headers.get("expires") == granted


def test_d20_pending_subscription_says_so(house: House) -> None:
    house.servlets[0].status = 202  # type: ignore[attr-defined]

    notify = request_of(house.receive(subscribe(house)), "NOTIFY")

    assert notify.headers.get("subscription-state") == "pending;expires=3600"


@pytest.mark.parametrize("headers", [(("Event", "weather"),), (("Subject", "no event"),)])
def test_d20_unknown_event_is_489_with_those_that_are_known(house: House, headers: tuple[tuple[str, str], ...]) -> None:
    (refused,) = house.receive(subscribe(house, *headers))

    assert lines([refused]) == ["489 SUBSCRIBE"]
    assert refused.headers.get("allow-events") == "presence, dialog"


def test_d20_too_brief_a_subscription_is_423(house: House) -> None:
    (refused,) = house.receive(subscribe(house, PRESENCE, ("Expires", "59")))

    assert (lines([refused]), refused.headers.get("min-expires")) == (["423 SUBSCRIBE"], "60")


def test_d20_fetch_is_notified_once_and_over(house: House) -> None:
    sent = house.receive(subscribe(house, PRESENCE, ("Expires", "0")))

    assert request_of(sent, "NOTIFY").headers.get("subscription-state") == "terminated;reason=timeout"
    house.receive(make_response(request_of(sent, "NOTIFY"), 200))
    house.pass_time(40)
    assert house.engine.store.statistics().calls == 0


def test_d20_subscriber_who_has_moved_is_notified_where_he_is(house: House) -> None:
    ok, _ = subscribed(house)

    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(PRESENCE,), contact="<sip:new@192.0.2.9>"))

    assert request_of(sent, "NOTIFY").uri == "sip:new@192.0.2.9"


def test_d20_refresh_is_notified_and_moves_the_end(house: House) -> None:
    ok, _ = subscribed(house, PRESENCE, ("Expires", "100"))
    house.pass_time(90)

    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(PRESENCE, ("Expires", "100"))))

    assert lines(sent) == ["200 SUBSCRIBE", "NOTIFY"]
    house.receive(make_response(request_of(sent, "NOTIFY"), 200))
    assert "NOTIFY" not in lines(house.pass_time(99))
    assert "NOTIFY" in lines(house.pass_time(1))


def test_d20_unsubscription_is_notified_and_the_dialog_is_over(house: House) -> None:
    ok, _ = subscribed(house)

    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(PRESENCE, ("Expires", "0"))))

    assert request_of(sent, "NOTIFY").headers.get("subscription-state") == "terminated;reason=timeout"
    again = house.in_dialog("SUBSCRIBE", 3, ok, extra=(PRESENCE,))
    assert lines(house.receive(again)) == ["481 SUBSCRIBE"]


def test_d20_subscription_that_is_not_refreshed_ends_with_a_notify(house: House) -> None:
    subscribed(house, PRESENCE, ("Expires", "100"))

    notify = request_of(house.pass_time(100), "NOTIFY")

    assert notify.headers.get("subscription-state") == "terminated;reason=timeout"


@pytest.mark.parametrize(
    ("status", "headers", "again"), [(481, (), False), (500, (), False), (503, (("Retry-After", "5"),), True)]
)
def test_d20_refused_notify_drops_the_subscription_unless_it_may_come_again(
    house: House, status: int, headers: tuple[tuple[str, str], ...], again: bool
) -> None:
    sent = house.receive(subscribe(house))
    house.receive(make_response(request_of(sent, "NOTIFY"), status, extra=headers))

    refresh = house.in_dialog("SUBSCRIBE", 2, one(sent, "200 SUBSCRIBE"), extra=(PRESENCE,))
    assert ("200 SUBSCRIBE" in lines(house.receive(refresh))) == again
    assert told(house) == ([] if again else ["presence ended: dropped"])


def test_d20_notify_that_nobody_answers_drops_the_subscription(house: House) -> None:
    house.receive(subscribe(house))

    for _ in range(66):
        house.pass_time(0.5)

    assert told(house) == ["presence ended: dropped"]


def test_d20_subscriptions_of_one_dialog_are_told_apart_by_event_and_id(house: House) -> None:
    ok, _ = subscribed(house)
    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(("Event", "presence;id=2"),)))
    house.receive(make_response(request_of(sent, "NOTIFY"), 200))

    ended = house.receive(house.in_dialog("SUBSCRIBE", 3, ok, extra=(PRESENCE, ("Expires", "0"))))

    assert request_of(sent, "NOTIFY").headers.get("event") == "presence;id=2"
    assert request_of(ended, "NOTIFY").headers.get("event") == "presence"
    still = house.in_dialog("SUBSCRIBE", 4, ok, extra=(("Event", "presence;id=2"),))
    assert "200 SUBSCRIBE" in lines(house.receive(still))


def our_subscribe(house: House) -> Request:
    """Have the application subscribe to Alice; return the SUBSCRIBE."""

    def act(session: SipApplicationSession) -> None:
        draft = house.factory().create_request(session, "SUBSCRIBE", "sip:bob@192.0.2.2", "sip:alice@192.0.2.1")
        draft.set_header("Event", "presence")
        draft.set_header("Expires", "600")
        draft.set_header("Accept", "text/plain")
        draft.send()

    house.wire.sent.clear()
    house.factory().create_application_session().run(act)
    return request_of(house.wire.sent, "SUBSCRIBE")


def notify(subscribe: Request, number: int, state: str, event: str = "presence", tag: str = "a1") -> Request:
    return make_request(
        "NOTIFY", subscribe.contacts[0].uri, via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-n{number}{tag}",
        from_=f"<sip:alice@192.0.2.1>;tag={tag}", to=subscribe.headers.get("from") or "", call_id=subscribe.call_id,
        cseq=number, contact="<sip:alice@192.0.2.1>", extra=(("Event", event), ("Subscription-State", state)),
        body=f"state {number}".encode(), content_type="text/plain",
    )  # fmt: skip


def granted(subscribe: Request) -> Response:
    return make_response(subscribe, 200, to_tag="a1", contact="<sip:alice@192.0.2.1>", extra=(("Expires", "600"),))


@pytest.mark.parametrize("first", ["answer", "NOTIFY"])
def test_d20_notify_may_come_before_the_answer(house: House, first: str) -> None:
    ours = our_subscribe(house)
    messages = [granted(ours), notify(ours, 1, "active;expires=600")]

    for message in messages if first == "answer" else reversed(messages):
        house.receive(message)
    (ok,) = house.receive(notify(ours, 2, "active;expires=500"))

    assert (lines([ok]), told(house)) == (["200 NOTIFY"], ["state 1", "state 2"])


def test_d20_subscription_without_a_notify_is_given_up_after_64_t1(house: House) -> None:
    ours = our_subscribe(house)
    house.receive(granted(ours))

    house.pass_time(31.5)
    assert told(house) == []
    house.pass_time(0.5)
    assert told(house) == ["presence ended: timeout"]


def test_d20_refused_subscription_is_told(house: House) -> None:
    house.receive(make_response(our_subscribe(house), 489, to_tag="a1"))

    assert told(house) == ["presence ended: refused"]


def test_d20_notify_of_what_was_not_subscribed_to_is_481(house: House) -> None:
    ours = our_subscribe(house)
    house.receive(granted(ours))
    house.receive(notify(ours, 1, "active;expires=600"))

    assert lines(house.receive(notify(ours, 2, "active", "dialog"))) == ["481 NOTIFY"]
    assert lines(house.receive(notify(ours, 3, "active", tag="other"))) == ["481 NOTIFY"]


def test_d20_last_notify_ends_the_subscription_with_its_reason(house: House) -> None:
    ours = our_subscribe(house)
    house.receive(granted(ours))

    (ok,) = house.receive(notify(ours, 1, "terminated;reason=noresource;retry-after=30"))

    assert lines([ok]) == ["200 NOTIFY"]
    assert told(house) == ["state 1", "presence ended: noresource"]
    assert lines(house.receive(notify(ours, 2, "active"))) == ["481 NOTIFY"]


def test_d20_subscription_that_is_not_renewed_runs_out(house: House) -> None:
    ours = our_subscribe(house)
    house.receive(granted(ours))
    house.receive(notify(ours, 1, "active;expires=600"))

    house.pass_time(601)

    assert told(house)[-1] == "presence ended: timeout"


def test_d20_application_tells_of_a_change_and_ends_what_it_wants(house: House) -> None:
    ok, _ = subscribed(house)
    house.pass_time(5)

    sent = changed(house, ok, "presence", "") + changed(house, ok, "", "deactivated")

    states = [message.headers.get("subscription-state") for message in sent]
    assert states == ["active;expires=3595", "terminated;reason=deactivated"]


def changed(house: House, ok: Response, event: str = "", end: str = "") -> list[Request | Response]:
    """Have the application tell of a change, or end the subscription; return what is sent at once."""

    def change(call: Any) -> None:
        kept = ContainerSipSession(house.container, call, call.section("sessions", Sessions).sips[ok.to.tag])
        kept.notify(event, end=end)

    session: Any = house.servlets[0].sessions[-1]  # type: ignore[attr-defined]
    house.wire.sent.clear()
    house.engine.run(session.call.key, change)
    return list(house.wire.sent)


@pytest.mark.parametrize(("event", "seconds"), [("presence", 5.0), ("dialog", 1.0)])
def test_d20_changes_that_come_too_fast_are_told_together_when_the_rate_lets_it(
    house: House, event: str, seconds: float
) -> None:
    ok, _ = subscribed(house, ("Event", event))

    assert [changed(house, ok) for _ in range(3)] == [[], [], []]
    assert house.pass_time(seconds - 0.25) == []
    notify = request_of(house.pass_time(0.25), "NOTIFY")
    house.receive(make_response(notify, 200))
    assert house.pass_time(seconds) == []
    assert lines(changed(house, ok)) == ["NOTIFY"]


def test_d20_refresh_is_told_at_once_and_brings_what_waits_along(house: House) -> None:
    ok, _ = subscribed(house)
    changed(house, ok)

    sent = house.receive(house.in_dialog("SUBSCRIBE", 2, ok, extra=(PRESENCE,)))
    house.receive(make_response(request_of(sent, "NOTIFY"), 200))

    assert lines(sent) == ["200 SUBSCRIBE", "NOTIFY"]
    assert house.pass_time(10) == []


def held(house: House, seconds: int = 600) -> Request:
    """Subscribe to Alice, who grants it and tells once; return our SUBSCRIBE."""
    ours = our_subscribe(house)
    house.receive(granted(ours))
    house.receive(notify(ours, 1, f"active;expires={seconds}"))
    return ours


@pytest.mark.parametrize(("seconds", "at"), [(600, 540), (100, 50)])
def test_d20_subscription_of_ours_is_renewed_before_it_runs_out(house: House, seconds: int, at: int) -> None:
    ours = held(house, seconds)

    assert house.pass_time(at - 1) == []
    again = request_of(house.pass_time(1), "SUBSCRIBE")
    house.receive(make_response(again, 200, extra=(("Expires", "600"),)))

    assert (again.to.tag, again.call_id) == ("a1", ours.call_id)
    assert [again.headers.get(name) for name in ("event", "expires", "accept")] == ["presence", "600", "text/plain"]
    house.pass_time(539)
    assert lines(house.pass_time(1)) == ["SUBSCRIBE"]
    assert "ended" not in " ".join(told(house))


def test_d20_subscription_that_we_have_ended_is_not_renewed(house: House) -> None:
    ours = held(house)

    def end(call: Any) -> None:
        (record,) = call.section("sessions", Sessions).sips.values()
        draft = ContainerSipSession(house.container, call, record).create_request("SUBSCRIBE")
        draft.set_header("Event", "presence")
        draft.set_header("Expires", "0")
        draft.send()

    house.wire.sent.clear()
    house.engine.run(CallKey((ours.from_.tag or "")[-20:]), end)
    house.receive(make_response(request_of(house.wire.sent, "SUBSCRIBE"), 200, extra=(("Expires", "0"),)))
    house.receive(notify(ours, 2, "terminated;reason=timeout"))

    assert "SUBSCRIBE" not in lines(house.pass_time(600))


def test_d20_renewal_that_is_too_brief_is_asked_for_longer(house: House) -> None:
    held(house)
    again = request_of(house.pass_time(540), "SUBSCRIBE")

    longer = request_of(house.receive(make_response(again, 423, extra=(("Min-Expires", "900"),))), "SUBSCRIBE")

    assert longer.headers.get("expires") == "900"
    assert house.receive(make_response(longer, 423, extra=(("Min-Expires", "900"),))) == []
    assert house.receive(make_response(longer, 423, extra=(("Min-Expires", "soon"),))) == []


@pytest.mark.parametrize(("status", "is_over"), [(404, True), (481, True), (489, True), (500, False), (503, False)])
def test_d20_refused_renewal_ends_the_subscription_or_leaves_it_its_time(
    house: House, status: int, is_over: bool
) -> None:
    held(house)

    house.receive(make_response(request_of(house.pass_time(540), "SUBSCRIBE"), status))

    assert told(house)[-1] == ("presence ended: refused" if is_over else "state 1")
    house.pass_time(61)
    assert told(house)[-1] == f"presence ended: {'refused' if is_over else 'timeout'}"


def test_d20_notify_that_does_not_say_its_state_is_400(house: House) -> None:
    ours = our_subscribe(house)
    house.receive(granted(ours))

    assert lines(house.receive(notify(ours, 1, "active").without("Subscription-State"))) == ["400 NOTIFY"]


def test_d20_application_that_fails_to_tell_does_not_keep_the_subscriber_waiting(build: Build) -> None:
    class Failing(Presence):
        def notification(self, session: SipSession, event: str) -> tuple[bytes, str | None]:
            raise KeyError(event)

    house = build(Failing)

    assert request_of(house.receive(subscribe(house)), "NOTIFY").body == b""
    assert house.container.servlet_errors == 1
