from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.weaver.events import make_event
from weaver import watches as module
from weaver.dye_names import FLAGS, DyeNames
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError
from weaver.event import Event, EventBuffer
from weaver.notices import NoticeBoard
from weaver.watch import WATCHES, Fired, Watch, make_watch
from weaver.watches import BATCH, LIMITS, QUEUE, Watches


class House:
    """Watches with a clock of their own and one action that keeps what fired."""

    def __init__(self, act: Callable[[Fired], object] = lambda _: None, room: int = 10) -> None:
        self.now = 100.0
        self.fired: list[Fired] = []
        self.counters: dict[str, dict[str, int]] = {}
        self.notices = NoticeBoard()
        self.act = act
        actions = {"notify": self._notify, "log": self.fired.append}
        self.names = DyeNames(len(FLAGS) + room)
        self.watches = Watches(self.notices, actions, self.counters.get, lambda: self.now, self.names)

    def _notify(self, fired: Fired) -> None:
        self.fired.append(fired)
        self.act(fired)

    def add(self, name: str = "W", when: str = "status >= 500", **more: Any) -> None:
        self.watches.add(make_watch(name, {"when": when, "actions": ["notify"], "alarm": "none", **more}))

    def see(self, *statuses: int) -> None:
        for status in statuses:
            self.watches(make_event(status, context_payload={"status": status}))
        self.watches.work()

    def status(self, name: str = "W") -> dict[str, Any]:
        return next(one for one in self.watches.status() if one["name"] == name)

    def seen(self) -> list[int]:
        return [one.event.record_id for one in self.fired if one.event is not None]


def watch(name: str, actions: list[str]) -> Watch:
    return make_watch(name, {"when": "status >= 500", "actions": actions})


def test_watch_fires_for_the_events_that_its_condition_asks_for() -> None:
    house = House()
    house.add()

    house.see(200, 503, 404, 500)

    assert house.seen() == [503, 500]
    assert (house.status()["fired"], house.status()["suppressed"]) == (2, 0)


def test_where_events_are_emitted_nothing_is_evaluated() -> None:
    house = House()
    house.add()

    house.watches(make_event(1, context_payload={"status": 500}))
    before = list(house.fired)
    house.watches.work()

    assert (before, len(house.fired)) == ([], 1)


def test_without_a_watch_over_events_none_is_queued() -> None:
    house = House()
    house.counters["M"] = {"fired": 0}
    house.add("C", "count(M) > 5")
    house.watches(make_event(1))
    house.add("E")
    house.watches.switch("E", enabled=False)
    house.watches(make_event(2))

    assert len(house.watches._queue) == 0


def test_events_that_find_no_room_are_dropped_and_counted() -> None:
    house, buffer = House(), EventBuffer()
    house.add()
    buffer.subscribe(house.watches)

    for number in range(QUEUE + 7):
        buffer.emit(make_event(number, context_payload={"status": 200}))

    assert (house.watches.dropped, buffer.failed) == (7, 0)


def test_one_look_takes_a_bounded_number_of_events() -> None:
    house = House()
    house.add(when="status = 200")

    for number in range(BATCH + 5):
        house.watches(make_event(number, context_payload={"status": 200}))
    house.watches.work()

    assert len(house.watches._queue) == 5


@pytest.mark.parametrize(("alarm", "fired"), [("none", [500, 501, 502]), ("manual", [500]), ("automatic", [500, 502])])
def test_alarm_keeps_a_watch_silent_until_it_is_over(alarm: str, fired: list[int]) -> None:
    house = House()
    house.add(alarm=alarm, reset=60.0)

    for status in (500, 501, 502):
        house.see(status)
        house.now += 31.0

    assert house.seen() == fired
    assert house.status()["suppressed"] == 3 - len(fired)


def test_manual_alarm_is_reset_by_hand() -> None:
    house = House()
    house.add(alarm="manual")
    house.see(500, 501)
    was = house.status()["alarmed"]

    house.watches.reset("W")
    house.see(502)

    assert was is True
    assert house.seen() == [500, 502]


def test_counter_is_looked_at_once_a_second() -> None:
    house = House()
    house.counters["M"] = {"errors": 3}
    house.add(when="count(M.errors) > 2")

    for _ in range(10):
        house.watches.work()
        house.now += 0.5

    assert [one.value for one in house.fired] == [3] * 5


def test_rate_is_the_growth_in_a_second() -> None:
    house = House()
    house.counters["M"] = {"fired": 0}
    house.add(when="rate(M) > 10/s")

    for count in (0, 5, 25, 36, 36):
        house.counters["M"] = {"fired": count}
        house.watches.work()
        house.now += 1.0

    assert [one.value for one in house.fired] == [20.0, 11.0]


def test_counter_of_a_monitor_that_has_gone_is_no_fault() -> None:
    house = House()
    house.counters["Gone"] = {"fired": 0}
    house.add(when="count(Gone) > 2")

    house.counters.clear()
    house.watches.work()

    assert (house.fired, house.status()["enabled"]) == ([], True)


def test_counter_of_a_monitor_that_does_not_exist_is_refused() -> None:
    house = House()

    with pytest.raises(UnknownNameError, match="watch W: there is no monitor 'Nobody'"):
        house.add(when="count(Nobody) > 2")

    assert house.watches.status() == []


def test_dye_of_a_watch_may_be_named_while_the_watch_is_there() -> None:
    house = House()

    house.add("Fail", actions=["dye"])
    held = house.names.holders("WATCH_FAIL")
    house.watches.remove("Fail")

    assert held == ["watch Fail"]
    assert house.names.holders("WATCH_FAIL") == []


def test_watch_that_was_taken_out_live_stays_away_until_the_file_changes_it() -> None:
    house = House()
    a, b = watch("A", ["notify"]), watch("B", ["notify"])
    house.watches.take([a, b])
    house.watches.remove("A")

    house.watches.take([a, watch("B", ["log"])])
    still_away = [one["name"] for one in house.watches.status()]
    house.watches.take([watch("A", ["log"]), b])

    assert still_away == ["B"]
    assert [one["name"] for one in house.watches.status()] == ["A", "B"]


def test_watches_of_a_file_hold_their_dyes_all_or_none() -> None:
    house = House(room=1)
    house.watches.take([watch("A", ["dye"]), watch("B", ["notify"])])

    with pytest.raises(WeaverError, match="all 1 named dyes are held"):
        house.watches.take([watch("A", ["dye"]), watch("C", ["dye"])])
    refused = [one["name"] for one in house.watches.status()]
    house.watches.take([watch("C", ["dye"])])

    assert refused == ["A", "B"]
    assert (house.names.holders("WATCH_A"), house.names.holders("WATCH_C")) == ([], ["watch C"])


def stopped(house: House) -> tuple[str, str]:
    (notice,) = house.notices.recent()
    assert house.status()["enabled"] is False
    assert house.status()["notice"] == notice.text
    return notice.kind, notice.text


def test_watch_whose_action_fails_is_stopped_and_its_other_actions_are_done() -> None:
    def act(_: Fired) -> None:
        raise RuntimeError("no way")

    house = House(act)
    house.add(actions=["notify", "log"])

    for _ in range(2):
        house.see(500, 501, 502)

    kind, text = stopped(house)
    assert kind == "watch.stopped"
    assert text.startswith("switched off: notify failed 5 times in a row: RuntimeError: no way")
    assert len(house.fired) == 2 * LIMITS.errors


def test_watch_that_fires_too_often_is_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time_ns", lambda: 7_000_000_000)
    house = House()
    house.add()

    house.see(*[500] * 25)

    assert len(house.fired) == LIMITS.rate
    assert house.status()["drops"] == {"rate": 15}


def test_watch_that_floods_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "time_ns", lambda: 7_000_000_000)
    monkeypatch.setattr(module, "perf_counter_ns", lambda: 0)
    house = House()
    house.add()

    for _ in range(1 + (LIMITS.rate + LIMITS.flood) // BATCH):
        house.see(*[500] * BATCH)

    assert stopped(house) == ("watch.stopped", "switched off: 10010 events in one second are a flood")


def test_watch_that_is_slow_rests_and_is_stopped_when_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = Counter({"now": 0})

    def clock() -> int:
        return moments["now"]

    def act(_: Fired) -> None:
        moments["now"] += 150_000_000

    monkeypatch.setattr(module, "perf_counter_ns", clock)
    house = House(act)
    house.add()
    fired = []
    for _ in range(7):
        house.see(500)
        fired.append(len(house.fired))
        moments["now"] += 500_000_000

    assert fired[:2] == [1, 1]
    assert house.status()["drops"]["time"] >= 2
    assert stopped(house)[1] == "switched off: it took more than 100 ms in each of 3 seconds"


def test_stopped_watch_can_be_switched_on_again() -> None:
    def act(_: Fired) -> None:
        raise RuntimeError("no way")

    house = House(act)
    house.add()
    house.see(*[500] * 5)

    assert house.watches.switch("W", enabled=True)["notice"] == ""
    house.see(500)

    assert (house.status()["fired"], house.status()["enabled"]) == (6, True)


def test_fault_of_one_watch_does_not_keep_others_from_theirs() -> None:
    def act(fired: Fired) -> None:
        if fired.watch.name == "Bad":
            raise SystemError

    house = House(act)
    house.add("Bad")
    house.add("Good")

    house.see(500)

    assert [one.watch.name for one in house.fired] == ["Bad", "Good"]
    assert house.status("Good")["enabled"]


def test_names_are_taken_once_and_there_is_an_end_to_them() -> None:
    house = House()
    for number in range(WATCHES):
        house.add(f"W{number}")

    with pytest.raises(PluginError, match="of that name already"):
        house.add("W1")
    with pytest.raises(PluginError, match="100 watches already"):
        house.add("More")
    house.watches.remove("W1")
    house.add("W1")


@pytest.mark.parametrize("call", [Watches.remove, Watches.reset, lambda one, name: one.switch(name, enabled=True)])
def test_watch_that_is_not_there_is_named(call: Callable[[Watches, str], object]) -> None:
    house = House()
    house.add("Here")

    with pytest.raises(UnknownNameError, match="there is no watch 'W'; there are: Here"):
        call(house.watches, "W")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"when": "statu = 1"}, "watch W: when: there is nothing called 'statu'"),
        ({"actions": ["notfy"]}, "watch W: actions: there is no 'notfy'; did you mean 'notify'?"),
        ({"actions": []}, "watch W: actions: a watch does something; there are: log, notify, dye, look_back"),
        ({"reset": -1.0}, "watch W: reset: must be 0 to 86400 seconds, not -1.0"),
        ({"dye": 1e9}, "watch W: dye: must be 1 to 86400 seconds, not 1000000000.0"),
    ],
)
def test_watch_that_makes_no_sense_is_refused_with_its_reason(attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidAttributeError) as refused:
        make_watch("W", {"when": "status = 1", "actions": ["log"], **attributes})

    assert reason in str(refused.value)


def test_watches_of_a_new_file_take_the_place_of_the_old_ones() -> None:
    house = House()
    same, other = (make_watch(name, {"when": "status >= 500", "actions": ["notify"], "alarm": "none"}) for name in "AB")
    house.watches.take([same, other])
    house.add("Live")
    house.see(500)

    house.watches.take([same, make_watch("B", {"when": "status >= 600", "actions": ["notify"]})])
    changed = house.status("B")["when"]
    house.watches.take([same])

    assert changed == "status >= 600"
    assert [one["name"] for one in house.watches.status()] == ["A", "Live"]
    assert house.status("A")["fired"] == 1


def test_watch_asks_nothing_of_an_event_that_it_would_break() -> None:
    house = House()
    house.add(when="elapsed > 1ms")

    house.watches(Event(**dict.fromkeys(Event.__struct_fields__)))
    house.watches.work()

    assert house.status()["enabled"]
