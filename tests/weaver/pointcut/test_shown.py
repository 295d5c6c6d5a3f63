import pytest

from tests.weaver.pointcut.test_match import CALL, SHADOWS
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.shown import Shown, shown
from weaver.shadow import Shadow

METHOD, FUNCTION = SHADOWS["Base.serve"], SHADOWS["plain"]


@pytest.mark.parametrize(
    ("text", "shadow", "arguments", "result"),
    [
        ("execution(* serve(%request, ..))", METHOD, {1}, False),
        ("execution(%bool serve(*, %int))", METHOD, {2}, True),
        ("execution(* serve(self, %request, ..))", METHOD, {1}, False),
        ("execution(* plain(%value, ..))", FUNCTION, {0}, False),
        ("execution(%* make(..))", SHADOWS["Derived.make"], set(), True),
        ("call(%* read(int, %str))", CALL, {1}, True),
        ("execution(* serve(..))", METHOD, set(), False),
        ("execution(* serve(%*, ..)) and execution(%* serve(*, %*))", METHOD, {1, 2}, True),
        ("execution(* serve(%*, ..)) or execution(%* other(*, %*))", METHOD, {1}, False),
        ("serve and not execution(%* other(..))", METHOD, set(), False),
        ("execution(%* other(..))", METHOD, set(), False),
        ("within(tests)", METHOD, set(), False),
    ],
)
def test_marked_values_of_the_parts_that_match_may_be_shown(
    text: str, shadow: Shadow, arguments: set[int], result: bool
) -> None:
    assert shown(parse_pointcut(text), shadow) == Shown(frozenset(arguments), result)
