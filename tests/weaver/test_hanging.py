import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import gevent
import pytest
from gevent import monkey
from gevent.event import Event

from weaver.gevent_support import current_task, interrupt
from weaver.hanging import ActionStopped, HangGuard

pytestmark = pytest.mark.timeout(method="thread")  # its signal is the one that is tested


@pytest.fixture
def guard() -> Iterator[HangGuard]:
    made = HangGuard()
    assert made.start(current_task, interrupt) == ""
    yield made
    made.stop()


def ticking(guard: HangGuard, times: int) -> Callable[[object], str]:
    """An action that is looked at so often while it runs."""

    def act(_invocation: object) -> str:
        for _ in range(times):
            guard.tick(signal.SIGALRM, sys._getframe())
        return "done"

    return act


def test_action_over_its_time_at_two_ticks_is_stopped(guard: HangGuard) -> None:
    with pytest.raises(ActionStopped):
        guard.run(ticking(guard, 2), None, 0)

    assert guard.running == {}


def test_action_over_its_time_at_one_tick_only_ends_by_itself(guard: HangGuard) -> None:
    assert guard.run(ticking(guard, 1), None, 0) == "done"


def test_action_in_its_time_is_left_alone(guard: HangGuard) -> None:
    assert guard.run(ticking(guard, 5), None, 1 << 62) == "done"


def test_code_that_calls_the_action_is_never_interrupted(guard: HangGuard) -> None:
    frames: list[FrameType] = []

    def act(_invocation: object) -> None:
        frames.append(sys._getframe(1))
        frames.append(sys._getframe(2))
        for frame in frames * 3:
            guard.tick(signal.SIGALRM, frame)

    guard.run(act, None, 0)

    assert frames[0].f_code is HangGuard.run.__code__


def test_tick_without_actions_disarms_the_timer(guard: HangGuard) -> None:
    guard.run(lambda _: None, None, 1 << 62)
    armed = signal.getitimer(signal.ITIMER_REAL)[1]

    guard.tick(signal.SIGALRM, sys._getframe())

    assert armed > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_guard_leaves_a_handler_of_the_program_alone() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        assert "SIGALRM" in HangGuard().start()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_timer_is_not_armed_when_the_program_has_taken_the_signal(guard: HangGuard) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)

    guard.run(lambda _: None, None, 1 << 62)

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_stopped_guard_gives_the_signal_back() -> None:
    guard = HangGuard()
    guard.start()
    guard.run(lambda _: None, None, 1 << 62)

    guard.stop()

    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_action_that_waits_for_other_greenlets_is_stopped_where_it_waits(guard: HangGuard) -> None:
    ended: list[str] = []

    def call() -> None:
        try:
            guard.run(lambda _: gevent.sleep(60), None, 0)
        except ActionStopped:
            ended.append("stopped")
        gevent.sleep(0)
        ended.append("went on")

    waiting = gevent.spawn(call)
    gevent.sleep(0)
    for _ in range(2):
        guard.tick(signal.SIGALRM, sys._getframe())
    waiting.join(5)

    assert ended == ["stopped", "went on"]


def test_greenlet_that_has_left_its_action_meanwhile_is_not_interrupted(guard: HangGuard) -> None:
    gate = Event()
    ended: list[str] = []

    def call() -> None:
        guard.run(lambda _: gate.wait(), None, 0)
        gevent.sleep(0.01)
        ended.append("went on")

    waiting = gevent.spawn(call)
    gevent.sleep(0)
    gate.set()
    for _ in range(2):
        guard.tick(signal.SIGALRM, sys._getframe())
    waiting.join(5)

    assert ended == ["went on"]


def test_action_in_another_thread_is_left_to_its_end(guard: HangGuard) -> None:
    ended: list[object] = []

    def act(_invocation: object) -> str:
        for _ in range(3):
            loop.run_callback_threadsafe(guard.tick, signal.SIGALRM, None)
            sleep(0.01)
        return "done"

    loop = gevent.get_hub().loop
    sleep = monkey.get_original("time", "sleep")
    gevent.get_hub().threadpool.apply(lambda: ended.append(guard.run(act, None, 0)))

    assert ended == ["done"]
    assert guard.running == {}


def test_guard_cannot_begin_outside_the_main_thread() -> None:
    found: list[str] = []

    gevent.get_hub().threadpool.apply(lambda: found.append(HangGuard().start()))

    assert found == ["the weaver was not started in the main thread"]


HANGING = """
import re, socket, sys, time
from weaver.hanging import ActionStopped, HangGuard

def swallow(_):
    while True:
        try:
            while True: pass
        except Exception: pass

pair = socket.socketpair()
hanging = {
    "loop": lambda _: [0 for _ in iter(int, 1)],
    "regex": lambda _: re.match(r"(a+)+$", "a" * 60 + "b"),
    "sleep": lambda _: time.sleep(60),
    "read": lambda _: pair[0].recv(1),
    "swallow": swallow,
}
guard = HangGuard()
assert guard.start() == ""
for name, act in hanging.items():
    began = time.perf_counter_ns()
    try:
        guard.run(act, None, began + 50_000_000)
    except ActionStopped:
        print(name, (time.perf_counter_ns() - began) // 1_000_000)
guard.stop()
"""


@pytest.mark.slow
def test_kernel_timer_stops_loops_patterns_sleep_reads_and_what_swallows_errors() -> None:
    command = [sys.executable, "-c", HANGING]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)

    times = dict(line.split() for line in done.stdout.splitlines())
    assert (set(times), done.stderr) == ({"loop", "regex", "sleep", "read", "swallow"}, "")
    assert min(map(int, times.values())) >= 50


FORKED = """
import os, time
from weaver.hanging import GUARD, ActionStopped

assert GUARD.start() == ""

def fork(_):
    global child
    child = os.fork()

GUARD.run(fork, None, time.perf_counter_ns() + 10**12)
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("done")
else:
    try:
        GUARD.run(lambda _: time.sleep(20), None, time.perf_counter_ns() + 20_000_000)
    except ActionStopped:
        os._exit(0)
    os._exit(1)
"""


@pytest.mark.slow
def test_actions_of_a_forked_child_are_stopped_too() -> None:
    command = [sys.executable, "-c", FORKED]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("done\n", "")
