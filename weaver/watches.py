"""Watches: rules over events and counters, with what is done when they hold.

On the path of a call a watch costs the append of an event to a queue, and nothing while there is no watch over events.
All else runs in a task of the weaver. A watch has an allowance like a monitor: one that is slow rests, one that fires
too often is thinned, one that floods, fails, hangs or is slow for long is switched off with a notice.

An alarm keeps a watch that has fired silent: until somebody resets it (``manual``), for a while (``automatic``), or not
at all (``none``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter_ns, time_ns
from typing import Any

from weaver.dye_names import NAMES, DyeNames
from weaver.errors import PluginError, UnknownNameError, WeaverError, describe_error
from weaver.event import Event, EventBuffer
from weaver.hanging import GUARD, ActionStopped
from weaver.limits import Allowance, Limits
from weaver.log import Log
from weaver.notices import NoticeBoard
from weaver.runtime import Runtime
from weaver.watch import WATCHES, Action, Fired, Watch, dye_of
from weaver.watch_condition import CounterCondition, EventCondition, missing_monitor, parse_condition

log = Log(__name__)

QUEUE = 10_000
"""Events that wait for the watches; more are dropped and counted."""
BATCH = 1_000
"""Events that are looked at before other tasks get their turn."""
PAUSE = 0.1
"""Seconds between two looks at what waits."""
COUNTERS_PAUSE = 1.0
"""Seconds between two looks at counters."""
LIMITS = Limits(rate=10, flood=10_000, time_ms=100, errors=5, hang_ms=50)
"""What a watch may use; its rate is that of its firing."""
_HANG_NS = LIMITS.hang_ms * 1_000_000

Counters = Callable[[str], Mapping[str, int] | None]


class _Watching:
    """A watch at work."""

    def __init__(self, watch: Watch, stopped: Callable[[str, str], object]) -> None:
        self.watch = watch
        self.condition = parse_condition(watch.when)
        self.enabled = watch.enabled
        self.notice = ""
        self.fired = self.suppressed = 0
        self.last_fired: int | None = None
        self.alarmed_until = 0.0
        self.before: tuple[float, int] | None = None
        self.allowance = Allowance(LIMITS, self.stop)
        self._stopped = stopped

    def stop(self, reason: str) -> None:
        """Switch it off because of its own fault."""
        if self.enabled:
            self.enabled = False
            self.notice = f"switched off: {reason}"
            self._stopped(self.watch.name, self.notice)

    def switch(self, *, enabled: bool) -> None:
        self.enabled = enabled
        if enabled:
            self.notice = ""
            self.allowance.begin_anew(self.allowance.limits)
            self.reset()

    def reset(self) -> None:
        self.alarmed_until = 0.0

    def status(self, now: float) -> dict[str, Any]:
        watch = self.watch
        names = ("name", "when", "actions", "severity", "alarm", "reset", "dye", "description")
        return {
            **{name: getattr(watch, name) for name in names},
            "enabled": self.enabled,
            "alarmed": self.alarmed_until > now,
            "fired": self.fired,
            "suppressed": self.suppressed,
            "last_fired": self.last_fired,
            "drops": dict(self.allowance.drops),
            "notice": self.notice,
        }


class Watches:
    """The watches of a process.

    Shape: ``actions`` by name; ``counters`` gives those of a monitor by its name, None when there is none. A watch that
    dyes holds the name of its dye among ``names``, so that masks may have it before it fires.
    Units: ``clock`` monotonic seconds.
    """

    def __init__(
        self,
        notices: NoticeBoard,
        actions: Mapping[str, Action],
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
        names: DyeNames = NAMES,
    ) -> None:
        self._notices = notices
        self._actions = actions
        self._counters = counters
        self._clock = clock
        self._names = names
        self._watching: dict[str, _Watching] = {}
        self._filed: dict[str, Watch] = {}
        self._queue: deque[Event] = deque()
        self._over_events = False
        self._counters_due = 0.0
        self.dropped = 0

    def add(self, watch: Watch) -> dict[str, Any]:
        """Add a watch; return its status.

        Errors: PluginError when the name is taken or there are too many; InvalidAttributeError; UnknownNameError for a
        monitor that does not exist; WeaverError when its dye has no place. Then there is none.
        """
        if watch.name in self._watching:
            raise PluginError(f"watch {watch.name}: there is one of that name already")
        if len(self._watching) >= WATCHES:
            raise PluginError(f"watch {watch.name}: there are {WATCHES} watches already; remove some")
        made = self._made(watch)
        missing = missing_monitor(made.condition, lambda name: self._counters(name) is not None)
        if missing:
            raise UnknownNameError(f"watch {watch.name}: {missing}")
        self._hold(watch)
        self._watching[watch.name] = made
        self._look_for_events()
        return made.status(self._clock())

    def remove(self, name: str) -> dict[str, Any]:
        """Take a watch out; return its last status.

        Errors: UnknownNameError.
        """
        status = self._found(name).status(self._clock())
        self._hold(Watch(name))
        del self._watching[name]
        self._look_for_events()
        return status

    def start(self, events: EventBuffer, runtime: Runtime) -> Callable[[], None]:
        """Begin to watch; return what ends it."""
        ends = (events.subscribe(self), runtime.repeat("watches", PAUSE, self.work))

        def end() -> None:
            for one in ends:
                one()

        return end

    def take(self, watches: Iterable[Watch]) -> None:
        """Put the watches of a file in the place of those that the file had before.

        One that the file has not changed stays as it is, also when it was taken out live; those that were added live
        stay, unless the file changes one of their names.
        Errors: as ``add``; then nothing has changed.
        """
        filed = {watch.name: watch for watch in watches}
        changed = {name: self._made(watch) for name, watch in filed.items() if self._filed.get(name) != watch}
        gone = self._filed.keys() - filed.keys()
        self._hold_all((*map(Watch, gone), *(one.watch for one in changed.values())))
        for name in gone:
            self._watching.pop(name, None)
        self._watching |= changed
        self._filed = filed
        self._look_for_events()

    def switch(self, name: str, *, enabled: bool) -> dict[str, Any]:
        """Switch a watch on or off; return its status.

        Errors: UnknownNameError.
        """
        found = self._found(name)
        found.switch(enabled=enabled)
        self._look_for_events()
        return found.status(self._clock())

    def reset(self, name: str) -> dict[str, Any]:
        """End the alarm of a watch; return its status.

        Errors: UnknownNameError.
        """
        found = self._found(name)
        found.reset()
        return found.status(self._clock())

    def status(self) -> list[dict[str, Any]]:
        """Return the status of every watch, by name."""
        now = self._clock()
        return [one.status(now) for _, one in sorted(self._watching.items())]

    def __call__(self, event: Event) -> None:
        """Queue an event; this is all that happens where it is emitted."""
        if not self._over_events:
            return
        if len(self._queue) < QUEUE:
            self._queue.append(event)
        else:
            self.dropped += 1

    def work(self) -> None:
        """Look at some of the events that wait, and at counters when their time has come."""
        events = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        now = self._clock()
        are_due = now >= self._counters_due
        if are_due:
            self._counters_due = now + COUNTERS_PAUSE
        for one in list(self._watching.values()):
            if one.enabled and (events or are_due):
                self._look(one, events, are_due=are_due)
        self._look_for_events()

    def _look(self, one: _Watching, events: list[Event], *, are_due: bool) -> None:
        """Run one watch, whatever it does."""
        began = perf_counter_ns()
        if one.allowance.rests_until and one.allowance.rests(began):
            return
        try:
            if GUARD.is_watching:
                GUARD.run(lambda _: self._evaluate(one, events, are_due=are_due), None, began + _HANG_NS)
            else:
                self._evaluate(one, events, are_due=are_due)
        except ActionStopped:
            one.allowance.stop(f"it did not end within {LIMITS.hang_ms} ms")
        except Exception as error:  # noqa: BLE001 - the task must go on
            self._fail(one, "its condition", error)
        finally:
            one.allowance.spend(began, perf_counter_ns())

    def _evaluate(self, one: _Watching, events: list[Event], *, are_due: bool) -> None:
        condition = one.condition
        if isinstance(condition, EventCondition):
            for event in events:
                if one.enabled and condition.test(event):
                    self._fire(one, event, None)
        elif are_due:
            value = self._value(one, condition)
            if value is not None and condition.holds(value):
                self._fire(one, None, value)

    def _value(self, one: _Watching, condition: CounterCondition) -> float | None:
        """Return a counter or its growth in a second, None while that is not known."""
        counters = self._counters(condition.monitor)
        if counters is None:
            return None
        now, count = self._clock(), counters[condition.counter]
        if not condition.is_rate:
            return count
        before, one.before = one.before, (now, count)
        return None if before is None or now <= before[0] else (count - before[1]) / (now - before[0])

    def _fire(self, one: _Watching, event: Event | None, value: float | None) -> None:
        now = self._clock()
        if now < one.alarmed_until:
            one.suppressed += 1
            return
        if not one.allowance.may_emit(time_ns()):
            return
        one.fired += 1
        one.last_fired = time_ns() // 1_000_000
        if one.watch.alarm != "none":
            one.alarmed_until = float("inf") if one.watch.alarm == "manual" else now + one.watch.reset
        for name in one.watch.actions:
            try:
                self._actions[name](Fired(one.watch, event, value))
                one.allowance.succeed(name, "fire")
            except Exception as error:  # noqa: BLE001 - the others are done all the same
                self._fail(one, name, error)

    @staticmethod
    def _fail(one: _Watching, what: str, error: Exception) -> None:
        is_first, is_one_too_many = one.allowance.fail(what, "fire")
        if is_first:
            log.warning("watch %s: %s failed: %s", one.watch.name, what, describe_error(error))
        if is_one_too_many:
            one.allowance.stop(f"{what} failed {LIMITS.errors} times in a row: {describe_error(error)}")

    def _made(self, watch: Watch) -> _Watching:
        return _Watching(watch, lambda name, text: self._notices.publish("watch.stopped", name, text))

    def _hold_all(self, watches: Sequence[Watch]) -> None:
        """Hold the names of the dyes of some watches.

        Errors: as ``_hold``; then each holds what it held.
        """
        try:
            for watch in watches:
                self._hold(watch)
        except WeaverError:
            for name in [watch.name for watch in watches]:
                self._hold(self._watching[name].watch if name in self._watching else Watch(name))
            raise

    def _hold(self, watch: Watch) -> None:
        """Hold the name of a watch's dye, and nothing for one that does not dye.

        Errors: WeaverError when all named dyes are held; then it holds what it held.
        """
        self._names.hold(f"watch {watch.name}", [dye_of(watch.name)] if "dye" in watch.actions else ())

    def _found(self, name: str) -> _Watching:
        found = self._watching.get(name)
        if found is None:
            raise UnknownNameError(f"there is no watch {name!r}; there are: {', '.join(sorted(self._watching)) or '-'}")
        return found

    def _look_for_events(self) -> None:
        """Queue events only while an enabled watch asks for them."""
        watching = self._watching.values()
        self._over_events = any(one.enabled and isinstance(one.condition, EventCondition) for one in watching)
        if not self._over_events:
            self._queue.clear()
