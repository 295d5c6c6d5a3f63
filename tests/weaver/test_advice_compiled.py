import logging
import subprocess
import sys
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver import context
from weaver.dye import mask_of
from weaver.errors import WeaverError
from weaver.joinpoint import Compiled, Invocation, JoinPoint
from weaver.limits import DEFAULT
from weaver.monitor import ActionKind, Location
from weaver.registry import Registry

TARGET = """
def f(a, b=2, /, *more, c=3, **others):
    return 12 // a
class Servlet:
    def service(self, message):
        return message
def g(n):
    return 0 if n == 0 else f(n) + g(n - 1)
"""


class Compiling:
    """An action that keeps what its compiled form is told, and refuses to be run in the general form."""

    name = "Compiling"

    def __init__(self, around: bool = False, made: Callable[["Compiling"], Compiled] | None = None) -> None:
        self.kind: ActionKind = "around" if around else "stateless"
        self.seen: list[object] = []
        self.joinpoints: list[JoinPoint] = []
        self._made = made

    def run(self, invocation: Invocation) -> None:
        self.seen.append("general")

    enter = leave = run

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        self.joinpoints.append(joinpoint)
        if self._made is not None:
            return self._made(self)
        seen = self.seen

        def enter(*arguments: object) -> str:
            seen.append(arguments)
            return "token"

        def leave(token: object, outcome: object) -> str:
            seen.append((token, outcome))
            return "no result"

        return Compiled(enter, leave, leave)


def woven(action: Any, location: Location = "before", pointcut: str = "f", **settings: Any) -> tuple[Registry, Any]:
    registry, module = make_registry(action), make_module(TARGET)
    registry.add(monitor("M", f"execution(* woven_target.{pointcut}(..))", location))
    registry.set("M", enabled=True, actions=[action.name], **settings)
    registry.on_module(module)
    return registry, module


def fired(registry: Registry, name: str = "M") -> tuple[int, int, int]:
    counters = registry.get(name)["counters"]
    return counters["reached"], counters["dyed"], counters["fired"]


def test_before_gets_the_arguments_by_position_as_the_shadow_names_them() -> None:
    action = Compiling()
    registry, module = woven(action)

    assert module.f(4, c=5, d=6) == 3

    assert action.seen == [(4, 2, 5, (), {"d": 6})]
    assert [parameter.name for parameter in action.joinpoints[0].shadow.parameters] == ["a", "b", "c", "more", "others"]
    assert fired(registry) == (1, 1, 1)


def test_after_gets_the_result_or_the_error_and_changes_neither() -> None:
    action = Compiling()
    _, module = woven(action, "after")

    assert module.f(4) == 3
    with pytest.raises(ZeroDivisionError) as caught:
        module.f(0)

    assert action.seen == [(None, 3), (None, caught.value)]


def test_around_gets_its_token_back() -> None:
    action = Compiling(around=True)
    _, module = woven(action, "around")

    assert module.f(4) == 3

    assert action.seen == [(4, 2, 3, (), {}), ("token", 3)]


def test_what_compiles_to_nothing_only_counts() -> None:
    action = Compiling(made=lambda _: Compiled())
    registry, module = woven(action)

    for _ in range(3):
        module.f(1)

    assert fired(registry) == (3, 3, 3)
    assert action.joinpoints[0].passes.n == 3
    assert action.seen == registry.buffer.recent() == []


def test_count_goes_on_when_the_monitor_was_off_meanwhile() -> None:
    registry, module = woven(Compiling(made=lambda _: Compiled()))
    module.f(1)

    registry.set("M", enabled=False)
    module.f(1)
    registry.set("M", enabled=True)
    module.f(1)

    assert fired(registry) == (2, 2, 2)


def test_clock_is_called_without_arguments() -> None:
    action = Compiling(around=True, made=lambda a: Compiled(perf_counter, lambda t, _: a.seen.append(t), None, False))
    _, module = woven(action, "around")

    module.f(1)
    with pytest.raises(ZeroDivisionError):
        module.f(0)

    assert len(action.seen) == 1
    assert isinstance(action.seen[0], float)


@pytest.mark.parametrize("reason", ["not the first", "two actions", "classes", "outermost", "no slot"])
def test_general_form_where_compiled_advice_would_not_do(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    action, other = Compiling(), Recording()
    if reason == "no slot":
        monkeypatch.setattr("weaver.advice.SPACE.slot_of", _no_slot)
        monkeypatch.setattr("weaver.registry.SPACE.hold", _no_slot)
    registry, module = make_registry(action, other), make_module(TARGET)
    registry.add(monitor("M", "execution(* woven_target.f(..))", outermost=reason == "outermost"))
    actions = ["Compiling", "Recording"] if reason == "two actions" else ["Compiling"]
    registry.set("M", enabled=True, actions=actions, includes=["woven_target"] if reason == "classes" else [])
    registry.add(monitor("Earlier", "execution(* woven_target.f(..))"))
    registry.set("Earlier", enabled=reason == "not the first", actions=["Recording"])
    registry.on_module(module)

    assert module.f(4) == 3

    assert action.seen == ["general"]
    assert fired(registry) == (1, 1, 1)


def _no_slot(*masks: int) -> object:
    raise WeaverError("all taken")


@pytest.mark.parametrize(
    "made",
    [
        lambda _: Compiled(lambda a: None),
        lambda _: Compiled(lambda: None),
        lambda _: Compiled(lambda *_a: None, lambda token: None),
        lambda _: 1 // 0,
    ],
)
def test_action_that_compiles_wrongly_is_told_of_and_run_in_the_general_form(
    made: Callable[[Compiling], Compiled], caplog: pytest.LogCaptureFixture
) -> None:
    action = Compiling(made=made)
    _, module = woven(action)

    assert module.f(4) == 3

    assert action.seen == ["general"]
    assert "cannot be compiled" in caplog.text


def test_action_may_decline_to_be_compiled() -> None:
    action = Compiling(made=lambda _: None)  # type: ignore[arg-type, return-value]
    _, module = woven(action)

    module.f(4)

    assert action.seen == ["general"]


def test_task_without_dyes_fires_only_what_has_no_mask() -> None:
    masked, free = Compiling(made=lambda _: Compiled()), Compiling(made=lambda _: Compiled())
    (of_masked, f), (of_free, g) = woven(masked, dye_mask=["ADDR2"]), woven(free)
    holds_the_gate_open = context.DiagnosticContext(mask_of(["ADDR2"]), {})

    Context().run(f.f, 1)
    Context().run(g.f, 1)

    assert holds_the_gate_open.vector
    assert (fired(of_masked), fired(of_free)) == ((0, 0, 0), (1, 1, 1))


def test_task_that_inherits_dyes_fires() -> None:
    def message() -> Context:
        tokens = context.begin(mask_of(["ADDR3"]), {})
        handed = context.hand_down(lambda: True)
        context.end(tokens)
        assert handed is not None
        return handed

    registry, module = woven(Compiling(made=lambda _: Compiled()), dye_mask=["ADDR3"])

    Context().run(message).run(module.f, 1)

    assert fired(registry) == (1, 1, 1)


def test_compiled_advice_is_not_triggered_by_the_general_one() -> None:
    module = make_module(TARGET)

    class Calling(Recording):
        def run(self, invocation: Invocation) -> dict[str, object]:
            self.seen.append(invocation)
            module.f(1)
            return {}

    registry = make_registry(Calling("Calling"), Compiling(made=lambda _: Compiled()))
    registry.add(monitor("General", "execution(* woven_target.Servlet.service(..))"))
    registry.add(monitor("Compiled", "execution(* woven_target.f(..))"))
    registry.set("General", enabled=True, actions=["Calling"])
    registry.set("Compiled", enabled=True, actions=["Compiling"])
    registry.on_module(module)

    module.Servlet().service("hello")
    assert fired(registry, "Compiled") == (0, 0, 0)

    module.f(1)
    assert fired(registry, "Compiled") == (1, 1, 1)


def test_error_in_compiled_advice_hurts_no_call_and_switches_the_monitor_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def made(action: Compiling) -> Compiled:
        def enter(*arguments: object) -> None:
            raise RuntimeError("its own fault")

        return Compiled(enter)

    registry, module = woven(Compiling(made=made))

    with caplog.at_level(logging.ERROR):
        assert [module.f(4) for _ in range(20)] == [3] * 20

    status = registry.get("M")
    assert (status["enabled"], status["counters"]["errors"], len(caplog.records)) == (False, DEFAULT.errors, 1)


def test_pass_without_an_error_ends_the_run_of_errors_of_compiled_advice() -> None:
    def made(action: Compiling) -> Compiled:
        return Compiled(exit=lambda _token, result: 1 // (result % 2))

    registry, module = woven(Compiling(around=True, made=made), "around")

    for divisor in (6, 4, 6, 4, 6, 4, 6, 4, 6, 4, 6, 4):
        assert module.f(divisor) == 12 // divisor

    assert registry.get("M")["enabled"] is True
    assert registry.get("M")["counters"]["errors"] == DEFAULT.errors + 1


TRIGGERS_ITSELF = """
from tests.weaver.test_advice_compiled import Compiling, woven
from weaver.limits import DEFAULT
from weaver.joinpoint import Compiled

action = Compiling(made=lambda action: Compiled(lambda *_: action.target(1)))
registry, module = woven(action)
action.target = module.f
print([module.f(4) for _ in range(DEFAULT.errors)] == [3] * DEFAULT.errors, registry.get("M")["enabled"])
"""


def test_compiled_advice_that_triggers_itself_is_switched_off() -> None:
    # in a process of its own: measuring coverage does not get over a recursion to the limit on CPython 3.13
    command = [sys.executable, "-c", TRIGGERS_ITSELF]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)

    assert done.stdout == "True False\n", done.stderr


def test_recursion_is_counted_pass_by_pass() -> None:
    registry, module = woven(Compiling(made=lambda _: Compiled()), pointcut="g")

    assert module.g(3) == 12 + 6 + 4

    assert fired(registry) == (4, 4, 4)
