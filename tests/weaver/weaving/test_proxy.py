import math

import pytest

from tests.weaver.targets import arguments, started, switch_on


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
