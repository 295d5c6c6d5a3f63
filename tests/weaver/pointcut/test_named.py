import pytest

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.named import parse_named
from weaver.pointcut.parser import parse_pointcut


def test_named_pointcuts_use_one_another_in_any_order() -> None:
    named, faults = parse_named({"both": "one() or two()", "one": "a.b", "two": "not one()"})

    assert faults == {}
    assert named["both"] == parse_pointcut("a.b or not a.b")


def test_circle_is_reported_with_its_way_and_what_hangs_on_it_too() -> None:
    named, faults = parse_named({"a": "x.y or b()", "b": "c()", "c": "not a()", "d": "a()", "e": "z"})

    assert list(named) == ["e"]
    assert sorted(faults) == ["a", "b", "c", "d"]
    assert faults["a"].column == 8
    assert "a uses b uses c uses a" in str(faults["a"])
    assert "d uses a uses b uses c uses a" in str(faults["d"])


def test_each_fault_is_reported_under_its_name() -> None:
    named, faults = parse_named(
        {"bad": "a and", "worse": "a & b", "user": "c or bad()", "lost": "nowhere()", "good": "a"}
    )

    assert list(named) == ["good"]
    assert "expected a pointcut" in str(faults["bad"])
    assert "write '&&'" in str(faults["worse"])
    assert "'bad' has one" in str(faults["user"])
    assert "the name of a pointcut" in str(faults["lost"])


@pytest.mark.parametrize("name", ["execution", "not", "a-b", "", "1a"])
def test_name_must_be_one_that_can_be_used(name: str) -> None:
    _, faults = parse_named({name: "a"})

    assert isinstance(faults[name], PointcutSyntaxError)
    assert f"{name!r} cannot be the name of a pointcut" in str(faults[name])


def test_pointcuts_that_double_again_and_again_are_bounded() -> None:
    texts = {"p0": "a"} | {f"p{n}": f"p{n - 1}() and p{n - 1}()" for n in range(1, 40)}

    named, faults = parse_named(texts)

    assert 5 < len(named) < 15
    assert len(named) + len(faults) == 40


def test_long_chain_of_names_is_no_recursion() -> None:
    named, faults = parse_named({"p0": "a"} | {f"p{n}": f"p{n - 1}()" for n in range(1, 200)})

    assert (len(named), faults) == (200, {})
