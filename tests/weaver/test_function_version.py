import sys
from collections.abc import Iterator
from types import FunctionType

import pytest

from weaver import function_version
from weaver.shadow import Shadow
from weaver.swap import weave_shadow
from weaver.weaving import Advice

FORGETS = sys.version_info[:2] == (3, 13)
only_where_forgotten = pytest.mark.skipif(not FORGETS, reason="only CPython 3.13 forgets a function's version")


def make() -> FunctionType:
    return function_version._sample("def made(a, b=2, *, c=3):\n    return a + b + c\n")


@pytest.fixture
def switched_on() -> Iterator[None]:
    assert function_version.switch_on() is None
    yield
    function_version.switch_off()


def swap_and_back(function: FunctionType) -> None:
    original = function.__code__
    function.__code__ = original.replace(co_name="woven")
    function.__code__ = original


def test_off_by_default() -> None:
    function = make()

    assert function_version.remember(function) is None
    assert not function_version.restore(function, None)
    assert not function_version.give(function)


@pytest.mark.skipif(FORGETS, reason="here it is possible")
def test_reason_where_nothing_is_forgotten() -> None:
    assert "3.13" in (function_version.switch_on() or "")
    assert function_version.remember(make()) is None


@only_where_forgotten
@pytest.mark.usefixtures("switched_on")
def test_function_has_its_version_again_and_its_callers_are_fast() -> None:
    function = function_version._sample()
    version = function_version.remember(function)
    assert version is not None
    swap_and_back(function)
    assert function_version.remember(function) is None
    assert not function_version._is_specialised(function)

    assert function_version.restore(function, version)

    assert function_version.remember(function) == version
    assert function_version._is_specialised(function)
    assert function(5) == 5


@only_where_forgotten
@pytest.mark.usefixtures("switched_on")
def test_function_gets_the_version_of_the_code_that_it_runs() -> None:
    def outer(number: int) -> FunctionType:
        def inner(value: int) -> int:
            return value + number

        assert isinstance(inner, FunctionType)
        return inner

    for function in (make(), outer(3)):
        before = function_version.remember(function)
        function.__code__ = function.__code__.replace(co_name="woven")

        assert function_version.give(function)

        given = function_version.remember(function)
        assert given is not None
        assert before is not None
        assert given.number != before.number
        assert function(5) in {8, 10}


@only_where_forgotten
@pytest.mark.usefixtures("switched_on")
@pytest.mark.parametrize("change", ["code", "defaults", "keyword defaults", "nothing"])
def test_nothing_is_written_into_a_function_that_is_not_what_it_was(change: str) -> None:
    function = make()
    version = function_version.remember(function)
    if change == "code":
        function.__code__ = function.__code__.replace(co_name="woven")
    elif change == "defaults":
        function.__defaults__ = (7,)
    elif change == "keyword defaults":
        function.__kwdefaults__ = {"c": 7}

    assert not function_version.restore(function, version)

    assert (function_version.remember(function) is None) is (change != "nothing")


@only_where_forgotten
@pytest.mark.usefixtures("switched_on")
def test_version_is_remembered_only_once_it_is_there() -> None:
    function = make()
    swap_and_back(function)

    assert function_version.remember(function) is None


@only_where_forgotten
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("_fits", "places look like it"),
        ("_restores", "did not get its version back"),
        ("_is_specialised", "did not get its version back"),
    ],
)
def test_reason_when_the_search_finds_nothing_sure(broken: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_version, broken, lambda *_: False)

    assert reason in (function_version.switch_on() or "")
    assert function_version.remember(make()) is None


@only_where_forgotten
def test_reason_when_the_search_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_version, "_sample", lambda: 1 // 0)

    assert "ZeroDivisionError" in (function_version.switch_on() or "")


@only_where_forgotten
@pytest.mark.usefixtures("switched_on")
def test_function_is_called_in_the_fast_way_while_it_is_woven_and_when_its_original_code_is_back() -> None:
    function = function_version._sample()
    shadow = Shadow("sample", "made", "made", "<sample>", 1, None, (), (), None, function)
    version = function_version.remember(function)

    for _ in range(2):
        for advice in (Advice(lambda *_: None), Advice(lambda *_: None, lambda _, value: value)):
            weave_shadow(shadow, advice)
            assert function_version._is_specialised(function)
            assert function(5) == 5
        weave_shadow(shadow, None)

    assert version is not None
    assert function_version.remember(function) == version
    assert function_version._is_specialised(function)
