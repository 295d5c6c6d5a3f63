import math
import sys
from collections.abc import Iterator
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest

from tests.weaver.targets import arguments, make_module, started, switch_on
from weaver.errors import WeaveError
from weaver.shadow import Shadow
from weaver.weaving import Advice
from weaver.weaving.guard import Passes
from weaver.weaving.proxy import weave_proxy


def test_c_function_is_reported_and_reached_by_a_proxy_on_request() -> None:
    registry, recording = started(math)
    original = math.floor

    status = switch_on(registry, "execution(* math.floor(..))")
    assert "C function" in status["failures"][0]
    registry.set("M", properties={"proxy": True})
    result = math.floor(2.5)
    registry.set("M", enabled=False)
    math.floor(3.5)

    assert result == 2
    assert arguments(recording) == [(2.5,)]
    assert math.floor is original


def test_proxy_that_somebody_replaced_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, _ = started(math)
    monkeypatch.setattr(math, "ceil", math.ceil)
    switch_on(registry, "execution(* math.ceil(..))", properties={"proxy": True})
    theirs = lambda x: 0  # noqa: E731
    math.ceil = theirs

    status = registry.set("M", enabled=False)

    assert math.ceil is theirs
    assert "another tool" in status["failures"][-1]


SOURCE = """
def f(x):
    return 6 // x

class Thing:
    def method(self, x):
        return x
"""


@pytest.fixture
def target() -> Iterator[ModuleType]:
    yield make_module(SOURCE, "proxied_target")
    sys.modules.pop("proxied_target", None)


def shadow_of(module: ModuleType, qualname: str) -> Shadow:
    function = attrgetter(qualname)(module)
    return Shadow(module.__name__, qualname, function.__name__, "", 1, None, (), (), None, function)


def test_advice_without_a_guard_always_runs_and_gets_what_it_asks_for(target: Any) -> None:
    seen: list[object] = []
    passes = Passes()
    weave_proxy(shadow_of(target, "f"), Advice(lambda *values: seen.append(values), arguments=False, passes=passes))
    weave_proxy(shadow_of(target, "Thing.method"), Advice(lambda *values: seen.append(values)))
    thing = target.Thing()

    results = target.f(2), thing.method(5)

    assert results == (3, 5)
    assert seen == [(), (thing, 5)]
    assert passes.n == 1


def test_error_goes_on_whether_the_advice_asks_for_it_or_not(target: Any) -> None:
    told: list[object] = []
    for throw in (None, lambda token, error: told.append((token, type(error)))):
        weave_proxy(shadow_of(target, "f"), Advice(lambda x: f"token {x}", throw=throw))
        with pytest.raises(ZeroDivisionError):
            target.f(0)

    assert told == [("token 0", ZeroDivisionError)]


def test_advice_in_place_of_other_advice_leaves_one_proxy(target: Any) -> None:
    original, seen = target.f, []
    shadow = shadow_of(target, "f")
    weave_proxy(shadow, Advice(lambda x: seen.append("first")))
    weave_proxy(shadow, Advice(lambda x: seen.append("second")))

    target.f(1)
    weave_proxy(shadow, None)

    assert seen == ["second"]
    assert target.f is original


def test_proxy_of_a_module_that_is_gone_is_forgotten(target: Any) -> None:
    seen: list[object] = []
    weave_proxy(shadow_of(target, "f"), Advice(seen.append))
    again: Any = make_module(SOURCE, "proxied_target")
    plain, shadow = again.f, shadow_of(again, "f")

    weave_proxy(shadow, None)
    assert again.f is plain
    weave_proxy(shadow, Advice(seen.append))
    again.f(1)

    assert seen == [1]


def test_attribute_that_cannot_be_set_is_reported() -> None:
    shadow = Shadow("builtins", "int.bit_length", "bit_length", "", 1, None, (), (), None, int.bit_length)  # type: ignore[arg-type]

    with pytest.raises(WeaveError, match="no proxy can stand there"):
        weave_proxy(shadow, Advice(len))

    assert (5).bit_length() == 3
