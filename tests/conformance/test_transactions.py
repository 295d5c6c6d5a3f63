"""Rows X: whole transactions of a node under a manual clock, with the exact times."""

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event

from server.engine.call import CallKey
from server.servlet import InvalidStateError, SipRequest, SipServlet
from server.sip.build import make_ack, make_cancel
from server.sip.ids import key_of_token
from server.sip.message import Request, Response
from server.transport.flow import Flow
from tests.conformance.ladder import request_of, timeline, times
from tests.server.container.kit import BOB, House, lines, reply

Build = Callable[..., House]

CLIENT_INVITE = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
UP_TO_T2 = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""Seconds after the first copy: timers E and G, and the 2xx of a user agent."""


class Busy(SipServlet):
    def do_invite(self, request: SipRequest) -> None:
        request.create_response(486).send()

    def do_message(self, request: SipRequest) -> None:
        request.create_response(200).send()


class Answering(SipServlet):
    def do_invite(self, request: SipRequest) -> None:
        request.create_response(200).send()


class Silent(SipServlet):
    """Keeps what comes and answers nothing."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.kept: list[SipRequest] = []
        self.cancelled = 0

    def do_invite(self, request: SipRequest) -> None:
        self.kept.append(request)

    def do_message(self, request: SipRequest) -> None:
        self.kept.append(request)

    def do_cancel(self, request: SipRequest) -> None:
        self.cancelled += 1


class Passing(SipServlet):
    def do_invite(self, request: SipRequest) -> None:
        request.create_proxy().proxy_to(request.uri)


def sent(house: House, request: Request) -> Request:
    """Send a request of Alice through the house; return the one that Bob gets."""
    return request_of(house.receive(request), request.method)


def test_x1_x2_invite_is_repeated_at_doubling_times_and_given_up_after_64_t1(relay: House) -> None:
    sent(relay, relay.request())

    found = timeline(relay, 40)

    assert times(found, "INVITE") == CLIENT_INVITE
    assert times(found, "408 INVITE")[0] == 32.0


def test_x1_any_provisional_response_stops_the_repetitions(relay: House) -> None:
    invite = sent(relay, relay.request())
    relay.receive(reply(invite, 100), BOB)

    assert timeline(relay, 60) == []


def test_x3_proxied_invite_that_only_rings_is_cancelled_after_three_minutes_without_a_sign(build: Build) -> None:
    house = build(Passing)
    invite = sent(house, house.request())
    house.receive(reply(invite, 180), BOB)
    house.pass_time(100)
    house.receive(reply(invite, 183), BOB)

    found = timeline(house, 230)

    begin = times(found, "CANCEL")[0]
    assert 180.0 < begin <= 190.0
    assert times(found, "408 INVITE")[0] == begin + 32.0


def test_x4_each_copy_of_a_refusal_is_acknowledged_for_32_seconds_and_passed_on_once(relay: House) -> None:
    invite = sent(relay, relay.request())
    refusal = reply(invite, 486)

    assert sorted(lines(relay.receive(refusal, BOB))) == ["486 INVITE", "ACK"]
    relay.pass_time(31.5)
    assert lines(relay.receive(refusal, BOB)) == ["ACK"]
    relay.pass_time(1.0)
    assert relay.receive(refusal, BOB) == []


def test_x5_other_request_is_repeated_up_to_t2_and_given_up_after_64_t1(relay: House) -> None:
    sent(relay, relay.request("MESSAGE"))

    assert times(timeline(relay, 60), "MESSAGE") == UP_TO_T2


def test_x5_other_request_in_proceeding_is_repeated_every_t2(relay: House) -> None:
    message = sent(relay, relay.request("MESSAGE"))
    relay.receive(reply(message, 100), BOB)

    assert times(timeline(relay, 60), "MESSAGE") == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]


def test_x6_refusal_is_repeated_up_to_t2_until_timer_h(build: Build) -> None:
    house = build(Busy)
    house.receive(house.request())

    assert timeline(house, 60) == [(at, "486 INVITE") for at in UP_TO_T2]


def test_x6_ack_ends_the_repetitions_and_its_copies_are_absorbed(build: Build) -> None:
    house = build(Busy)
    invite = house.request()
    (busy,) = house.receive(invite)
    assert isinstance(busy, Response)
    house.pass_time(0.5)

    assert house.receive(make_ack(invite, busy)) == []
    assert house.receive(make_ack(invite, busy)) == []
    assert timeline(house, 60) == []


def test_x7_copy_of_a_request_gets_the_stored_answer_for_32_seconds(build: Build) -> None:
    house = build(Busy)
    message = house.request("MESSAGE")
    (first,) = house.receive(message)
    house.pass_time(31.5)

    assert [again.wire() for again in house.receive(message)] == [first.wire()]


def test_x8_copy_of_an_accepted_invite_is_absorbed_and_the_ack_reaches_the_application(relay: House) -> None:
    invite = relay.request()
    bobs = sent(relay, invite)
    (ok,) = relay.receive(reply(bobs, 200), BOB)

    assert relay.receive(invite) == []
    assert lines(relay.receive(relay.in_dialog("ACK", 1, ok))) == ["ACK"]


def test_x9_2xx_is_repeated_up_to_t2_and_then_ended_by_bye(build: Build) -> None:
    house = build(Answering)
    house.receive(house.request())

    found = timeline(house, 36)

    assert times(found, "200 INVITE") == UP_TO_T2
    assert times(found, "BYE")[0] == 32.0


def test_x9_ack_ends_the_repetitions_of_a_2xx(build: Build) -> None:
    house = build(Answering)
    (ok,) = house.receive(house.request())
    house.pass_time(0.5)

    house.receive(house.in_dialog("ACK", 1, ok))

    assert timeline(house, 40) == []


def test_x10_same_branch_from_another_sender_is_another_transaction(build: Build) -> None:
    house = build(Busy)
    first = house.request("MESSAGE", call_id="one")
    second = house.request("MESSAGE", call_id="one", cseq=2)
    second = second.with_header("Via", str(first.via).replace("192.0.2.1", "192.0.2.7"))

    assert lines([*house.receive(first), *house.receive(second)]) == ["200 MESSAGE", "200 MESSAGE"]


def test_x11_request_that_comes_on_two_ways_is_answered_once_and_refused_once(build: Build) -> None:
    house = build(Silent)

    assert lines(house.receive(house.request())) == ["100 INVITE"]
    assert lines(house.receive(house.request())) == ["482 INVITE"]
    assert lines(house.receive(house.request(cseq=2))) == ["100 INVITE"]
    assert len(house.servlets[0].kept) == 2  # type: ignore[attr-defined]


def test_x11_request_that_is_passed_on_may_come_again(build: Build) -> None:
    house = build(Passing)

    assert "INVITE" in lines(house.receive(house.request()))
    assert "INVITE" in lines(house.receive(house.request()))


def test_x12_invite_is_answered_100_when_the_application_has_not_answered(build: Build) -> None:
    house = build(Silent)

    assert lines(house.receive(house.request())) == ["100 INVITE"]


def test_x12_invite_whose_call_is_held_up_has_its_100_within_200_ms(build: Build) -> None:
    class Slow(SipServlet):
        def do_invite(self, request: SipRequest) -> None:
            free.wait()
            request.create_response(486).send()

    free = Event()
    house = build(Slow, at_once=False)
    _start(house, house.request())
    waiting = house.engine.waiting_invites

    waiting.answer(house.clock.monotonic() + 0.09, house.engine.queues)
    assert house.wire.sent == []
    waiting.answer(house.clock.monotonic() + 0.1, house.engine.queues)
    assert lines(house.wire.sent) == ["100 INVITE"]
    free.set()
    house._settle()
    assert lines(house.wire.sent) == ["100 INVITE", "486 INVITE"]


def test_x13_silence_is_broken_by_100_when_timer_e_has_reached_t2_and_is_complete_after_64_t1(build: Build) -> None:
    house = build(Silent)

    assert house.receive(house.request("MESSAGE")) == []
    assert timeline(house, 60) == [(3.5, "100 MESSAGE")]
    with pytest.raises(InvalidStateError):
        house.servlets[0].kept[0].create_response(200).send()  # type: ignore[attr-defined]
    assert house.engine.store.statistics().calls == 0


@pytest.mark.parametrize("status", [180, 183])
def test_x13_no_provisional_response_but_100_to_other_requests(build: Build, relay: House, status: int) -> None:
    house = build(Silent)
    house.receive(house.request("MESSAGE"))

    with pytest.raises(ValueError, match="MESSAGE has no provisional response"):
        house.servlets[0].kept[0].create_response(status)  # type: ignore[attr-defined]
    assert relay.receive(reply(sent(relay, relay.request("MESSAGE")), status), BOB) == []


def test_x13_no_408_to_other_requests(build: Build) -> None:
    house = build(Silent)
    house.receive(house.request("MESSAGE"))

    house.servlets[0].kept[0].create_response(408).send()  # type: ignore[attr-defined]

    assert house.pass_time(40) == []
    assert lines(house.receive(house.request("MESSAGE", call_id="other"))) == []


def test_x14_cancel_waits_for_a_provisional_response(relay: House) -> None:
    invite = relay.request()
    bobs = sent(relay, invite)

    assert sorted(lines(relay.receive(make_cancel(invite)))) == ["200 CANCEL", "487 INVITE"]
    cancel = request_of(relay.receive(reply(bobs, 180), BOB), "CANCEL")
    assert (cancel.via, cancel.uri, cancel.cseq.number) == (bobs.via, bobs.uri, bobs.cseq.number)
    assert [cancel.headers.get(name) for name in ("from", "to", "call-id")] == [
        bobs.headers.get(name) for name in ("from", "to", "call-id")
    ]


def test_x14_cancel_of_what_is_not_known_is_481(relay: House) -> None:
    sent(relay, relay.request())

    assert lines(relay.receive(make_cancel(relay.request()))) == ["481 CANCEL"]


@pytest.mark.parametrize("servlet", [Busy, Answering])
def test_x14_cancel_after_the_final_response_has_no_effect(build: Build, servlet: type[SipServlet]) -> None:
    house = build(servlet)
    invite = house.request()
    (final,) = house.receive(invite)
    assert isinstance(final, Response)

    assert lines(house.receive(make_cancel(invite))) == ["200 CANCEL"]
    assert f"{final.status} INVITE" in lines(house.pass_time(0.5))


def test_x14_cancelled_invite_without_a_final_response_is_given_up_after_64_t1(relay: House) -> None:
    invite = relay.request()
    bobs = sent(relay, invite)
    relay.receive(reply(bobs, 180), BOB)
    relay.receive(make_cancel(invite))
    relay.pass_time(33)
    relay.pass_time(33)

    assert relay.engine.store.statistics().calls == 0
    assert relay.receive(reply(bobs, 487), BOB) == []


def test_x14_bye_of_a_cancelled_call_that_was_answered_ends_it(relay: House) -> None:
    invite = relay.request()
    bobs = sent(relay, invite)
    relay.receive(make_cancel(invite))

    assert lines(relay.receive(reply(bobs, 200), BOB)) == ["ACK", "BYE"]


def test_x15_timer_of_a_stored_call_fires_once_although_two_find_it_due(relay: House) -> None:
    bobs = sent(relay, relay.request())
    key = CallKey(key_of_token(bobs.via.branch or "") or "")
    relay.engine.near_cache.drop(key)
    relay.clock.advance(0.5)
    relay.wire.sent.clear()

    relay.engine.wake(key)
    relay.engine.wake(key)

    assert lines(relay.wire.sent) == ["INVITE"]


def test_call_of_which_nothing_is_heard_is_ended_on_both_legs_and_counted(relay: House) -> None:
    bobs = sent(relay, relay.request())
    (ok,) = relay.receive(reply(bobs, 200), BOB)
    relay.receive(relay.in_dialog("ACK", 1, ok))
    relay.pass_time(43_000)
    info = request_of(relay.receive(relay.in_dialog("INFO", 2, ok)), "INFO")
    relay.receive(reply(info, 200), BOB)

    assert relay.pass_time(43_199) == []
    assert lines(relay.pass_time(1)) == ["BYE", "BYE"]
    assert relay.node.statistics().abandoned_calls == 1
    assert lines(relay.receive(relay.in_dialog("INFO", 3, ok))) == ["481 INFO"]


def test_call_that_rings_for_ever_is_ended_on_both_legs(relay: House) -> None:
    bobs = sent(relay, relay.request())
    relay.receive(reply(bobs, 180), BOB)

    assert sorted(lines(relay.pass_time(43_200))) == ["408 INVITE", "CANCEL"]


def _start(house: House, request: Request) -> None:
    """Have a request come and a worker begin with it, which does not end."""
    host, port = house.node.udp.local
    house.engine.on_datagram(request.wire(), Flow("UDP", host, port, "192.0.2.1", 5060))
    gevent.sleep(0)
