import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver import context
from weaver.advice import compile_advice
from weaver.dye import mask_of
from weaver.joinpoint import Compiled, Invocation, JoinPoint, PassTest
from weaver.monitor import ActionKind, Location
from weaver.swap import weave_shadow

OWN = (
    Exception, RuntimeError, MemoryError, RecursionError, StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit,
    asyncio.CancelledError, gevent.GreenletExit, gevent.Timeout, BaseException,
)  # fmt: skip
PLACES: tuple[Location, ...] = ("before", "after", "around")


class Acting:
    """An action that runs what it was made with, before and after."""

    def __init__(self, act: Callable[[], object], around: bool = False, name: str = "Acting") -> None:
        self.name = name
        self.kind: ActionKind = "around" if around else "stateless"
        self.act = act
        self.left: list[BaseException | None] = []

    def run(self, invocation: Invocation) -> None:
        self.act()

    def enter(self, invocation: Invocation) -> None:
        self.act()

    def leave(self, invocation: Invocation) -> None:
        self.left.append(invocation.error)
        self.act()


class CompiledActing(Acting):
    """The same, compiled."""

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        return Compiled(lambda *_: self.act(), lambda _t, _r: self.act(), lambda _t, _e: self.act(), arguments=False)


def woven(action: Any, location: Location) -> Any:
    registry, module = make_registry(action), make_module("def f(n): return 6 // n\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))", location))
    registry.set("M", enabled=True, actions=[action.name])
    registry.on_module(module)
    module.registry = registry
    return module


@pytest.fixture
def interrupted() -> Iterator[None]:
    """A signal handler written in Python, for SIGUSR1."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(number)

    before = signal.signal(signal.SIGUSR1, leave)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("kind", [Acting, CompiledActing])
@pytest.mark.parametrize("location", PLACES)
@pytest.mark.parametrize("error", OWN)
def test_error_of_the_actions_own_making_does_not_reach_the_call(
    error: type[BaseException], location: Location, kind: type[Acting]
) -> None:
    def act() -> None:
        raise error

    module = woven(kind(act, location == "around"), location)

    assert module.f(2) == 3
    with pytest.raises(ZeroDivisionError):
        module.f(0)

    assert module.registry.get("M")["counters"]["errors"] > 0


@pytest.mark.parametrize("location", PLACES)
def test_action_cannot_end_the_program(location: Location) -> None:
    module = woven(Acting(lambda: sys.exit(3), location == "around"), location)

    assert module.f(2) == 3


@pytest.mark.parametrize("kind", [Acting, CompiledActing])
@pytest.mark.parametrize("location", PLACES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
@pytest.mark.usefixtures("interrupted")
def test_signal_that_comes_while_an_action_runs_is_for_the_program(
    number: signal.Signals, location: Location, kind: type[Acting]
) -> None:
    module = woven(kind(lambda: signal.raise_signal(number), location == "around"), location)

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        module.f(2)

    assert module.registry.get("M")["counters"]["errors"] == 0


@pytest.mark.parametrize("kind", [Acting, CompiledActing])
@pytest.mark.parametrize("location", PLACES)
@pytest.mark.parametrize("error", [gevent.GreenletExit, gevent.Timeout])
def test_what_is_thrown_at_the_call_passes_through_an_action_that_waits(
    error: type[BaseException], location: Location, kind: type[Acting]
) -> None:
    waiting = Event()

    def act() -> None:
        waiting.set()
        Event().wait()

    action = kind(act, location == "around")
    module = woven(action, location)
    came: list[BaseException] = []

    def call() -> None:
        try:
            module.f(2)
        except BaseException as thrown:
            came.append(thrown)

    thrown = error()
    greenlet = gevent.spawn(call)
    waiting.wait(1)
    action.act = lambda: None
    greenlet.kill(thrown, timeout=1)

    assert came == [thrown]
    assert module.registry.get("M")["counters"]["errors"] == 0


def test_around_actions_that_were_entered_are_left_when_the_call_is_killed_at_its_entry() -> None:
    first, waiting = Acting(lambda: None, around=True, name="First"), Event()
    second = Acting(lambda: (waiting.set(), Event().wait()), name="Second")
    registry, module = make_registry(first, second), make_module("def f(n): return n\n")
    registry.add(monitor("A", "execution(* woven_target.f(..))", "around", precedence=1))
    registry.add(monitor("B", "execution(* woven_target.f(..))", precedence=2))
    registry.set("A", enabled=True, actions=["First"])
    registry.set("B", enabled=True, actions=["Second"])
    registry.on_module(module)

    greenlet = gevent.spawn(module.f, 1)
    waiting.wait(1)
    greenlet.kill(timeout=1)

    assert [type(error) for error in first.left] == [gevent.GreenletExit]


@pytest.mark.parametrize("way", ["generator", "error", "plain"])
def test_advice_does_not_trigger_advice_and_does_again_afterwards(way: str) -> None:
    seen: list[str] = []
    module = make_module("def f(n): return n\ndef count(n):\n    yield from range(f(n))\n")

    class Calling(Recording):
        def run(self, invocation: Invocation) -> None:
            seen.append(invocation.shadow.name)
            if len(seen) < 20:
                list(module.count(2)) if way == "generator" else module.f(1)
            if way == "error":
                raise RuntimeError

    registry = make_registry(Calling("Calling"))
    registry.add(monitor("M", "execution(* woven_target..*(..))"))
    registry.set("M", enabled=True, actions=["Calling"])
    registry.on_module(module)

    assert module.f(3) == 3
    assert list(module.count(2)) == [0, 1]

    assert seen == ["f", "count", "f"]


def test_advice_of_another_greenlet_runs_while_one_is_in_an_action() -> None:
    waiting, go = Event(), Event()
    seen: list[int] = []
    module = make_module("def f(n): return n\n")

    class Waiting(Recording):
        def run(self, invocation: Invocation) -> None:
            seen.append(invocation.arguments[0])
            if invocation.arguments[0] == 1:
                waiting.set()
                go.wait(1)
                module.f(3)

    registry = make_registry(Waiting("Waiting"))
    registry.add(monitor("M", "execution(* woven_target.f(..))"))
    registry.set("M", enabled=True, actions=["Waiting"])
    registry.on_module(module)
    first = gevent.spawn(module.f, 1)
    waiting.wait(1)

    module.f(2)
    go.set()
    first.get(timeout=1)

    assert seen == [1, 2]


def test_context_that_an_action_begins_counts_for_the_call_and_goes_when_it_ends() -> None:
    action = Recording("Counting")

    class Beginning(Acting):
        def enter(self, invocation: Invocation) -> None:
            invocation.state = context.begin(mask_of(["ADDR4"]), {})

        def leave(self, invocation: Invocation) -> None:
            context.end(invocation.state)  # type: ignore[arg-type]

    registry = make_registry(Beginning(lambda: None, around=True), action)
    module = make_module("def f(n): return g(n)\ndef g(n): return n\n")
    registry.add(monitor("Dyes", "execution(* woven_target.f(..))", "around"))
    registry.add(monitor("M", "execution(* woven_target.g(..))"))
    registry.set("Dyes", enabled=True, actions=["Acting"])
    registry.set("M", enabled=True, actions=["Counting"], dye_mask=["ADDR4"])
    registry.on_module(module)

    for _ in range(2):
        assert module.f(1) == 1
    module.g(1)

    assert len(action.seen) == 2
    assert not context.current_dyes.get().is_muted


def test_context_that_begins_in_an_action_and_ends_outside_leaves_nothing_muted() -> None:
    tokens: list[context.Tokens] = []
    module = woven(Acting(lambda: tokens.append(context.begin(0, {}))), "before")

    module.f(1)
    context.end(tokens.pop())

    assert not context.current_dyes.get().is_muted


@pytest.mark.parametrize(
    ("test", "ran"),
    [
        (PassTest(), [(0, 6)]),
        (PassTest(at_entry=lambda i: i.arguments[0] == 1), [(0, 6)]),
        (PassTest(at_entry=lambda i: i.arguments[0] == 2), []),
        (PassTest(at_exit=lambda i: i.result == 6), [(0, 6)]),
        (PassTest(at_exit=lambda i: i.error is not None), []),
        (PassTest(at_entry=lambda i: 1 // 0 == 0), []),
    ],
)
def test_what_the_pointcut_asks_in_each_pass_decides_whether_the_monitor_acts(
    test: PassTest, ran: list[tuple[int, int]]
) -> None:
    action = Recording()
    registry, module = make_registry(action), make_module("def f(n): return 6 // n\n")
    registry.add(monitor("M", "execution(* woven_target.f(..))", "after"))
    registry.set("M", enabled=True, actions=["Recording"])
    registry.on_module(module)
    one = registry._monitors["M"]
    (shadow,) = one.shadows
    weave_shadow(shadow, compile_advice(shadow, [one], {"M": test}))

    assert module.f(1) == 6

    assert [(invocation.started_ns, invocation.result) for invocation in action.seen] == ran
