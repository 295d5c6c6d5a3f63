"""Queues of calls, near timers and refusals by themselves."""

from collections import deque

import pytest

from server.engine.call import CallKey, Item
from server.engine.call_queue import LIMIT, CallQueues
from server.engine.refusal import Refusals
from server.engine.timers import NearTimers
from server.errors import TransportError
from server.sip.codec import parse_message
from server.sip.message import Response
from server.transport.flow import Flow
from tests.server.container.kit import AtOnce
from tests.server.sip.samples import request

KEY = CallKey("k" * 20)
FLOW = Flow("UDP", "127.0.0.1", 5060, "192.0.2.1", 5062)


class Outbox:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.broken = False

    def send(self, data: bytes, flow: Flow) -> None:
        if self.broken:
            raise TransportError(str(flow), "broken by the test")
        self.sent.append(data)


def test_call_with_too_much_waiting_drops_and_counts_what_comes_above() -> None:
    taken: list[bool] = []

    def work(key: CallKey, queue: deque[Item]) -> None:
        if not taken:
            taken.extend(queues.enqueue(key, Item("timer")) for _ in range(LIMIT + 2))
        queue.clear()

    queues = CallQueues(AtOnce(), work)  # type: ignore[arg-type]
    queues.enqueue(KEY, Item("timer"))

    assert taken == [True] * (LIMIT - 1) + [False] * 3
    assert (queues.dropped, len(queues)) == (3, 0)


def test_queue_of_a_call_goes_when_its_work_fails() -> None:
    def work(key: CallKey, queue: deque[Item]) -> None:
        raise KeyError("a fault of ours")

    queues = CallQueues(AtOnce(), work)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        queues.enqueue(KEY, Item("timer"))

    assert len(queues) == 0


def test_timer_that_is_moved_wakes_once_and_one_at_infinity_never() -> None:
    woken: list[CallKey] = []
    now = 0.0
    timers = NearTimers(lambda: now, woken.append)
    other, never = CallKey("o" * 20), CallKey("n" * 20)
    try:
        for due in (5.0, 3.0, 3.0):
            timers.schedule(KEY, due)
        timers.schedule(other, 9.0)
        timers.schedule(never, 4.0)
        timers.schedule(never, float("inf"))
        for now in (2.0, 3.0, 6.0):  # noqa: B007 - it is what the timers see
            timers._fire()
        assert (woken, len(timers)) == ([KEY], 1)
    finally:
        timers.stop()


def test_places_that_a_timer_has_left_wake_nobody_and_not_the_loop_either() -> None:
    woken: list[CallKey] = []
    timers = NearTimers(lambda: 1.0, woken.append)
    try:
        for due in (1.0, 2.0, 3.0, 9.0):
            timers.schedule(KEY, due)
        timers._fire()
        assert (woken, timers._armed) == ([], 9.0)
    finally:
        timers.stop()


def test_heap_of_timers_that_were_moved_often_stays_small() -> None:
    timers = NearTimers(lambda: 0.0, lambda key: None)
    try:
        for due in range(1000, 0, -1):
            timers.schedule(KEY, float(due))
        assert len(timers._deadlines._heap) <= 65
    finally:
        timers.stop()


def test_timer_whose_call_cannot_be_queued_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    woken: list[CallKey] = []

    def wake(key: CallKey) -> None:
        if key == KEY:
            raise KeyError("a fault of ours")
        woken.append(key)

    timers = NearTimers(lambda: 9.0, wake)
    other = CallKey("o" * 20)
    try:
        timers.schedule(KEY, 1.0)
        timers.schedule(other, 2.0)
        timers._fire()
    finally:
        timers.stop()

    assert woken == [other]
    assert "a fault of ours" in caplog.text


def test_refusal_is_the_same_for_a_repeated_request() -> None:
    outbox = Outbox()
    refusals = Refusals({"UDP": outbox})

    for _ in range(2):
        refusals.refuse(request(to_tag=""), FLOW, 481)

    first, second = outbox.sent
    assert first == second
    refused = parse_message(first)
    assert isinstance(refused, Response)
    assert (refused.status, bool(refused.to.tag)) == (481, True)


def test_method_that_nobody_serves_is_405_with_those_that_are() -> None:
    outbox = Outbox()

    assert Refusals({"UDP": outbox}).checked(request("FROB", to_tag=""), FLOW, "ACK, BYE") is None

    refused = parse_message(outbox.sent[0])
    assert isinstance(refused, Response)
    assert (refused.status, refused.headers.get("allow")) == (405, "ACK, BYE")


@pytest.mark.parametrize(
    ("method", "flow"), [("ACK", FLOW), ("INVITE", Flow("LOCAL", "", 0, "", 0))], ids=["ack", "local"]
)
def test_ack_and_what_came_over_no_network_are_not_refused(method: str, flow: Flow) -> None:
    outbox = Outbox()
    refusals = Refusals({"UDP": outbox})

    refusals.refuse(request(method), flow, 481)

    assert (outbox.sent, refusals.sent) == ([], 0)


def test_refusal_that_cannot_be_sent_is_no_error_and_not_counted() -> None:
    outbox = Outbox()
    outbox.broken = True
    refusals = Refusals({"UDP": outbox})

    refusals.refuse(request(), FLOW, 481)

    assert refusals.sent == 0
