import inspect

import pytest

from weaver import api
from weaver.errors import PointcutSyntaxError
from weaver.pointcut import designators
from weaver.pointcut.nodes import Cflow
from weaver.pointcut.parser import DESIGNATORS, parse_pointcut

TEXTS = dict.fromkeys(DESIGNATORS, "a.B+") | {
    "execution": "%bool a.B+.c(x, ..)",
    "withincode": "* a.b(..)",
    "call": "* a.b(int, ..)",
    "get": "a.b",
    "set": "a.b",
    "args": "int, str+, ..",
    "decorated": "a.b",
    "cflow": "a.b and not c.d",
}


@pytest.mark.parametrize("designator", DESIGNATORS)
def test_every_designator_has_a_function_that_gives_the_same_tree(designator: str) -> None:
    name = "set_" if designator == "set" else designator
    function = getattr(designators, name)

    tree = function(TEXTS[designator])

    assert tree == parse_pointcut(f"{designator}({TEXTS[designator]})")
    assert getattr(api, name) is function
    assert name in api.__all__
    assert inspect.getdoc(function).startswith(f"Return ``{designator}(")  # type: ignore[union-attr]


def test_python_spelling_is_the_same_tree() -> None:
    tree = api.execution("* a.b(..)") & ~api.within("c..") | api.within("d")

    assert tree == parse_pointcut("execution(* a.b(..)) and not within(c..) or within(d)")


def test_cflow_takes_a_pointcut_too() -> None:
    assert api.cflow(api.execution("a.b(..)")) == Cflow(parse_pointcut("a.b"))


@pytest.mark.parametrize(("text", "column"), [("* a.b(..)) or within(c", 10), ("* a.b(", 7), ("", 1)])
def test_error_has_a_column_of_the_text_that_was_given(text: str, column: int) -> None:
    with pytest.raises(PointcutSyntaxError) as caught:
        api.execution(text)

    assert caught.value.column == column
