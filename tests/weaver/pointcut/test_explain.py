from dataclasses import replace

import pytest

from tests.weaver.pointcut.test_match import CALL, HERE, SHADOWS
from weaver.pointcut.explain import explain
from weaver.pointcut.parser import parse_pointcut
from weaver.shadow import Shadow


def lines(text: str, shadow: Shadow = SHADOWS["Base.serve"]) -> list[str]:
    return list(explain(parse_pointcut(text), shadow).lines())


def test_each_part_has_its_mark_and_a_no_its_reason() -> None:
    assert lines(f"serve and (not within({HERE}) or make) and this(X)") == [
        "- all of",
        "  + execution(* serve(..))",
        "  - any of",
        "    - not",
        f"      + within({HERE})",
        "    - execution(* make(..)): the name serve is not make",
        "  ? this(X): when it runs on a X",
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [("serve", "yes"), ("make", "no"), ("serve and this(X)", "run time")],
)
def test_answer_is_that_of_the_match(text: str, answer: str) -> None:
    assert explain(parse_pointcut(text), SHADOWS["Base.serve"]).answer == answer


def test_kind_of_joinpoint_that_is_not_asked_for_is_a_no() -> None:
    explanation = explain(parse_pointcut(f"within({HERE})"), CALL)

    assert explanation.answer == "no"
    assert explanation.parts[-1].text == "kind of joinpoint"
    assert "selects no joinpoint of the kind call" in explanation.parts[-1].reason


def test_explanation_is_a_plain_value_too() -> None:
    found = explain(parse_pointcut("not make"), replace(SHADOWS["Base.serve"], name="make")).as_json()

    assert found["answer"] == "no"
    assert found["parts"] == [{"text": "execution(* make(..))", "answer": "yes", "reason": "", "parts": []}]
