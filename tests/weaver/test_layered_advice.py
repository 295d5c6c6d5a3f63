"""A compiled monitor in every pass, and inside it the advice of the others."""

from typing import Any

import pytest
from gevent import GreenletExit

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver import context
from weaver.dye import mask_of
from weaver.joinpoint import Compiled, JoinPoint
from weaver.monitor import ActionKind, Location
from weaver.registry import Registry

TARGET = "def f(a):\n    return 12 // a\n"
ADDR1 = mask_of(["ADDR1"])


class Dyeing:
    """Sets the dye that the argument names, in its compiled form only."""

    name = "Dyeing"
    kind: ActionKind = "around"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def run(self, invocation: Any) -> None:
        raise NotImplementedError

    enter = leave = run

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        del joinpoint

        def enter(a: int) -> context.Tokens:
            self.seen.append("enter")
            return context.begin(ADDR1 if a == 4 else 0, {})

        def leave(token: context.Tokens, outcome: object) -> None:
            del outcome
            self.seen.append("leave")
            context.end(token)

        return Compiled(enter, leave, leave)


def woven(inner: Any, location: Location = "before", **settings: Any) -> tuple[Registry, Any, Dyeing]:
    outer = Dyeing()
    registry, module = make_registry(outer, inner), make_module(TARGET)
    registry.add(monitor("A", "execution(* woven_target.f(..))", "around"))
    registry.set("A", enabled=True, actions=["Dyeing"])
    registry.add(monitor("Inner", "execution(* woven_target.f(..))", location))
    registry.set("Inner", enabled=True, actions=[inner.name], **settings)
    registry.on_module(module)
    return registry, module, outer


def counters(registry: Registry, name: str) -> tuple[int, int]:
    found = registry.get(name)["counters"]
    return found["reached"], found["fired"]


def test_others_see_the_dye_that_the_first_has_just_set() -> None:
    action = Recording()
    registry, module, outer = woven(action, dye_mask=["ADDR1"])

    assert [module.f(a) for a in (4, 3, 4)] == [3, 4, 3]

    assert len(action.seen) == 2
    assert outer.seen == ["enter", "leave"] * 3
    assert counters(registry, "A") == (3, 3)
    assert counters(registry, "Inner") == (2, 2)
    assert context.current_context.get() is None


def test_others_without_a_mask_act_in_every_pass() -> None:
    action = Recording()
    registry, module, _ = woven(action, "after")

    module.f(4)
    with pytest.raises(ZeroDivisionError):
        module.f(0)

    assert counters(registry, "Inner") == (2, 2)
    assert context.current_context.get() is None


def test_compiled_one_inside_is_counted() -> None:
    class Counting(Recording):
        name = "Counting"

        def compile(self, joinpoint: JoinPoint) -> Compiled:
            return Compiled()

    registry, module, _ = woven(Counting(), dye_mask=["ADDR1"])

    for a in (4, 3):
        module.f(a)

    assert counters(registry, "Inner") == (1, 1)


@pytest.mark.parametrize("location", ["before", "after"])
def test_what_is_aimed_at_the_call_gets_out_and_the_first_is_left_all_the_same(location: Location) -> None:
    def killed(invocation: object) -> None:
        exec(compile("next(kill)", "<kill>", "exec"), {"kill": kill})

    def thrown() -> Any:
        yield from ()
        raise AssertionError

    class Kill:
        def __iter__(self) -> "Kill":
            return self

        __next__ = staticmethod(lambda: thrown().throw(GreenletExit()))

    kill = Kill()
    action = Recording()
    action.run = killed  # type: ignore[method-assign]
    _, module, outer = woven(action, location)

    with pytest.raises(GreenletExit):
        module.f(4)

    assert outer.seen == ["enter", "leave"]
    assert context.current_context.get() is None


def test_slot_of_the_others_is_that_of_their_mask_when_they_come_again() -> None:
    action = Recording()
    registry, module, _ = woven(action, dye_mask=["ADDR1"])
    registry.set("Inner", enabled=False)
    module.f(4)

    registry.set("Inner", enabled=True)
    module.f(4)

    assert len(action.seen) == 1
