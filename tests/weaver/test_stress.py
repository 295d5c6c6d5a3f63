"""Monitors are toggled without end while greenlets and threads call what is woven."""

import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import monkey

from tests.weaver.targets import Around, Recording, make_module, make_registry, monitor
from weaver.registry import Registry

spawn: Any = gevent.spawn
start_thread: Any = monkey.get_original("_thread", "start_new_thread")
allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")

SOURCE = """
import functools
import gevent

class Base:
    def greet(self, x):
        return x + 1

class Thing(Base):
    __slots__ = ("x",)
    def __init__(self, x):
        self.x = x
    def greet(self, x):
        return super().greet(x) * 2
    @property
    def size(self):
        return self.x
    @classmethod
    def made(cls, x):
        return cls(x)
    @staticmethod
    def static(x):
        return x * 3
    def __call__(self, y):
        return self.x + y

def plain(x, *rest, k=1, **more):
    return x + k + sum(rest) + sum(more.values())

def failing(x):
    try:
        return 1 // x
    except ZeroDivisionError:
        return -1

def raising(x):
    raise KeyError(x)

def make(n):
    def closure(x):
        return n + x
    return closure

kept = make(5)

def generator(n):
    for i in range(n):
        yield i

def delegating(n):
    yield from generator(n)

async def coroutine(x):
    return x + 1

def recursive(n):
    return n and n + recursive(n - 1)

@functools.lru_cache
def cached(x):
    return plain(x)

double = lambda x: 2 * x

def finish(made):
    try:
        made.send(None)
    except StopIteration as stop:
        return stop.value

def all_of_it(x):
    thing = Thing.made(x)
    try:
        raising(x)
    except KeyError as error:
        caught = error.args[0]
    return (
        thing.greet(x), thing.size, Thing.static(x), thing(1), plain(x, 1, 2, k=3, z=4), failing(0), failing(1), caught,
        make(x)(1), kept(x), list(generator(3)), list(delegating(2)), finish(coroutine(x)), recursive(5), cached(x),
        double(x),
    )
"""

MONITORS = {
    "Bodies": ("execution(* stress_target..*(..))", "before", "Recording"),
    "Around": ("execution(* stress_target..*(..))", "around", "Around"),
    "Calls": ("call(* stress_target..*(..))", "before", "Recording"),
    "Reads": ("get(stress_target.Thing.x)", "before", "Recording"),
    "Handlers": ("handler(KeyError+) or handler(ZeroDivisionError)", "before", "Recording"),
    "Flow": (
        "execution(* stress_target..plain(..)) and cflow(execution(* stress_target..cached(..)))",
        "before",
        "Recording",
    ),
}


class Quiet(Recording):
    """A stateless action that keeps nothing."""

    def run(self, invocation: Any) -> None:
        return None

    enter = leave = run


class QuietAround(Around):
    """An around action that keeps nothing."""

    def enter(self, invocation: Any) -> None:
        return None

    leave = enter


@pytest.fixture
def target() -> Iterator[Any]:
    yield make_module(SOURCE, "stress_target")
    sys.modules.pop("stress_target")


@pytest.fixture
def registry(target: Any) -> Registry:
    made = make_registry(Quiet(), QuietAround())
    made.on_module(target)
    for name, (pointcut, location, _) in MONITORS.items():
        made.add(monitor(name, pointcut, location))  # type: ignore[arg-type]
    return made


def toggle(registry: Registry, times: int, between: Callable[[], object]) -> None:
    for number, name in zip(range(times), itertools.cycle(MONITORS), strict=False):
        enabled = not registry.get(name)["enabled"] if number % 3 else number % 2 == 0
        registry.set(name, enabled=enabled, dye_filtering=number % 5 == 0, actions=[MONITORS[name][2]])
        between()


class Caller:
    """Calls the target until it is stopped; keeps what was wrong."""

    def __init__(self, target: Any, pause: Callable[[], object]) -> None:
        self.wrong: list[object] = []
        self.calls = 0
        self._target = target
        self._pause = pause
        self._stopped = False
        self._ended = allocate_lock()
        self._ended.acquire()

    def run(self) -> None:
        x = 3
        expected = self._target.all_of_it(x)
        try:
            while not self._stopped:
                found = self._target.all_of_it(x)
                self.calls += 1
                if found != expected:
                    self.wrong.append(found)
                self._pause()
        except BaseException as error:
            self.wrong.append(repr(error))
        finally:
            self._ended.release()

    def stop(self) -> None:
        self._stopped = True

    def join(self) -> None:
        assert self._ended.acquire(timeout=20)


def stress(registry: Registry, target: Any, times: int, greenlets: int, threads: int) -> list[Caller]:
    native = [Caller(target, lambda: None) for _ in range(threads)]
    green = [Caller(target, lambda: gevent.sleep(0)) for _ in range(greenlets)]
    for caller in native:
        start_thread(caller.run, ())
    running = [spawn(caller.run) for caller in green]
    toggle(registry, times, lambda: gevent.sleep(0))
    for caller in (*native, *green):
        caller.stop()
    gevent.joinall(running, raise_error=True)
    for caller in native:
        caller.join()
    return [*native, *green]


def codes(target: Any) -> dict[str, object]:
    things = {**vars(target), **vars(target.Thing), **vars(target.Base)}
    return {name: value.__code__ for name, value in things.items() if hasattr(value, "__code__")}


@pytest.mark.slow
def test_toggling_under_load_gives_no_wrong_result(registry: Registry, target: Any) -> None:
    before = codes(target)

    callers = stress(registry, target, 60, greenlets=8, threads=4)
    for name in MONITORS:
        registry.set(name, enabled=False)

    assert [caller.wrong for caller in callers if caller.wrong] == []
    assert all(caller.calls for caller in callers)
    after = codes(target)
    assert all(after[name] is code for name, code in before.items())


def toggled_in_a_thread(registry: Registry, name: str, wrong: list[str]) -> Any:
    """Toggle one monitor in a native thread; the lock that is returned is free when that has ended."""
    ended = allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            for _ in range(20):
                registry.set(name, enabled=True, actions=[MONITORS[name][2]])
                registry.set(name, enabled=False)
        except Exception as error:
            wrong.append(repr(error))
        finally:
            ended.release()

    start_thread(run, ())
    return ended


@pytest.mark.slow
def test_threads_that_switch_monitors_at_once_leave_nothing_woven(registry: Registry, target: Any) -> None:
    before, wrong, interval = codes(target), [], sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    try:
        for ended in [toggled_in_a_thread(registry, name, wrong) for name in MONITORS]:
            assert ended.acquire(timeout=60)
    finally:
        sys.setswitchinterval(interval)

    after = codes(target)
    assert wrong == []
    assert [failure for name in MONITORS for failure in registry.get(name)["failures"]] == []
    assert all(after[name] is code for name, code in before.items())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif("WEAVER_STRESS" not in os.environ, reason="a thousand toggles take minutes: WEAVER_STRESS=1")
def test_toggling_a_thousand_times_leaves_memory_flat(registry: Registry, target: Any) -> None:
    blocks: list[int] = []
    callers: list[Caller] = []

    for times in (100, 500, 500):
        callers += stress(registry, target, times, greenlets=8, threads=4)
        gc.collect()
        blocks.append(sys.getallocatedblocks())

    assert [caller.wrong for caller in callers if caller.wrong] == []
    assert blocks[2] - blocks[1] < 2_000, blocks
