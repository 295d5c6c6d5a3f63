"""Work classes: what is due in one does not keep the others waiting."""

from collections import deque
from collections.abc import Callable, Iterator

import gevent
import pytest

from server.engine.call import CallKey, Item
from server.engine.call_queue import CallQueues
from server.engine.work_classes import WorkClasses
from server.greenlets import Workers
from server.servlet import SipRequest, SipServlet
from server.transport.flow import Flow
from tests.server.container.kit import ALICE, AtOnce, House, lines

TIMERS = 10_000
LIMIT = 16


def key_of(number: int) -> CallKey:
    return CallKey(f"{number:020x}")


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers("test")
    yield made
    made.stop()


class Turns:
    """Work on calls that only notes whose turn it was, and may wait."""

    def __init__(self, workers: Workers, **limits: int) -> None:
        self.taken: list[tuple[CallKey, list[str]]] = []
        self.may_go_on = gevent.event.Event()
        self.may_go_on.set()
        self.classes = WorkClasses(workers, limits)
        self.queues = CallQueues(workers, self._work, self.classes)

    def drain(self) -> None:
        while len(self.queues):
            gevent.sleep(0)

    def _work(self, key: CallKey, items: deque[Item]) -> None:
        self.taken.append((key, [item.kind for item in items]))
        items.clear()
        self.may_go_on.wait(5)


def test_message_waits_for_no_more_turns_than_timers_are_worked_on_at_the_same_time(workers: Workers) -> None:
    turns = Turns(workers, timer=LIMIT)
    for number in range(TIMERS):
        turns.queues.enqueue(key_of(number), Item("timer"))
    gevent.sleep(0)
    begun = len(turns.taken)

    turns.queues.enqueue(key_of(TIMERS), Item("message"))
    turns.drain()

    order = [kinds for _, kinds in turns.taken]
    assert begun < TIMERS / 2
    assert order.index(["message"]) - begun <= LIMIT
    assert len(order) == TIMERS + 1


def test_message_for_a_call_whose_timer_waits_does_not_wait_with_it(workers: Workers) -> None:
    turns = Turns(workers, timer=1)
    for number in range(100):
        turns.queues.enqueue(key_of(number), Item("timer"))
    turns.queues.enqueue(key_of(99), Item("message"))
    turns.drain()

    place = [key for key, _ in turns.taken].index(key_of(99))
    assert place <= 2
    assert turns.taken[place][1] == ["timer", "message"]
    assert len(turns.taken) == 100


def test_limit_holds_and_what_waits_is_counted(workers: Workers) -> None:
    turns = Turns(workers, timer=3, sip=2)
    turns.may_go_on.clear()
    for number in range(10):
        turns.queues.enqueue(key_of(number), Item("timer"))
    for number in range(10, 15):
        turns.queues.enqueue(key_of(number), Item("message"))
    gevent.sleep(0)
    counts = turns.classes.statistics()
    busy = {name: (counts[name].running, counts[name].waiting, counts[name].begun) for name in ("timer", "sip", "http")}

    turns.may_go_on.set()
    turns.drain()

    assert busy == {"timer": (3, 7, 3), "sip": (2, 3, 2), "http": (0, 0, 0)}
    idle = turns.classes.statistics()
    assert [(found.running, found.waiting, found.begun) for found in idle.values()] == [
        (0, 0, 5), (0, 0, 10), (0, 0, 0), (0, 0, 0),
    ]  # fmt: skip


def test_work_that_fails_gives_its_place_to_the_next(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        raise KeyError("a fault of ours")

    timers = WorkClasses(workers, {"timer": 1}).of("timer")
    timers.submit(fail)
    timers.submit(lambda: done.append("next"))
    while timers.statistics().running:
        gevent.sleep(0)

    assert done == ["next"]
    assert "a fault of ours" in caplog.text


def test_what_runs_where_it_is_asked_for_is_refused_above_the_limit() -> None:
    classes = WorkClasses(AtOnce(), {"application": 1})  # type: ignore[arg-type]
    busy = classes.of("click2call")
    with busy.admitted() as first, busy.admitted() as second, classes.of("other").admitted() as other:
        assert (first, second, other) == (True, False, True)
    with busy.admitted() as again:
        assert again

    counts = classes.statistics()["click2call"]
    assert (counts.limit, counts.running, counts.begun, counts.refused) == (1, 0, 2, 1)


def test_room_is_given_back_when_what_was_admitted_raises() -> None:
    found = WorkClasses(AtOnce(), {"admin": 1}).of("admin")  # type: ignore[arg-type]
    with pytest.raises(KeyError), found.admitted():
        raise KeyError

    assert found.statistics().running == 0


class Answering(SipServlet):
    def do_options(self, request: SipRequest) -> None:
        request.create_response(200).send()


@pytest.mark.slow
def test_node_answers_a_message_while_ten_thousand_timers_are_due(build: Callable[..., House]) -> None:
    house = build(Answering, at_once=False)
    engine = house.engine
    turns: list[CallKey] = []
    work = engine.queues._work

    def counted(key: CallKey, items: deque[Item]) -> None:
        turns.append(key)
        work(key, items)

    engine.queues._work = counted
    for number in range(TIMERS):
        engine.wake(key_of(number))
    before = len(turns)
    house.wire.sent.clear()
    host, port = house.node.udp.local
    engine.on_datagram(house.request("OPTIONS").wire(), Flow("UDP", host, port, *ALICE))
    while not house.wire.sent:
        gevent.sleep(0)
    waited = len(turns) - before

    house._settle()
    assert lines(house.wire.sent) == ["200 OPTIONS"]
    assert waited <= engine.statistics().work_classes["timer"].limit + 1
    assert len(turns) == TIMERS + 1
    assert engine.statistics().work_classes["timer"].begun == TIMERS


def test_items_are_of_the_class_of_their_kind() -> None:
    kinds = {kind: Item(kind).work_class for kind in ("message", "failure", "resolved", "timer", "action")}

    assert kinds == {"message": "sip", "failure": "sip", "resolved": "sip", "timer": "timer", "action": "http"}
