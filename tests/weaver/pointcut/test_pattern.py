import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.pointcut.pattern import alternatives, fits, fits_class, fits_inside, may_lie_in, without_locals

NAMES = st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=5).map(".".join)
PATTERN_PARTS = st.text(alphabet="ab*", min_size=1, max_size=4)
PATTERNS = st.builds(
    lambda first, others, end: first + "".join(joint + part for joint, part in others) + end,
    PATTERN_PARTS,
    st.lists(st.tuples(st.sampled_from([".", ".."]), PATTERN_PARTS), max_size=4),
    st.sampled_from(["", "", ".."]),
)


def plainly(pattern: str) -> str:
    """Return the obvious regular expression, which may take its time."""
    body = re.escape(pattern.removesuffix("..")).replace(r"\.\.", r"\.(?:[^.]+\.)*").replace(r"\*", "[^.]*")
    return body + (r"(?:\.[^.]+)*" if pattern.endswith("..") else "")


@pytest.mark.slow
@given(PATTERNS, NAMES)
def test_pattern_fits_what_the_obvious_expression_fits(pattern: str, name: str) -> None:
    assert fits(pattern, name) == bool(re.fullmatch(plainly(pattern), name))


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("a.b", ["a.b"], ["a", "a.b.c", "axb", "b"]),
        ("a.*", ["a.b", "a.bc"], ["a", "a.b.c"]),
        ("a..c", ["a.c", "a.b.c", "a.b.b.c"], ["a", "ac", "a.b"]),
        ("a..", ["a", "a.b", "a.b.c"], ["ab", "b.a"]),
        ("a..*Servlet", ["a.Servlet", "a.x.MyServlet"], ["a.ServletX", "a.Servlet.x"]),
        ("do_{invite,b*}", ["do_invite", "do_bye"], ["do_ack", "do_"]),
        ("{a,ab}*c", ["abc", "ac"], ["bc"]),
        ("*", ["a", "<lambda>"], ["a.b"]),
        ("a.f.<lambda>", ["a.f.<lambda>"], ["a.f.lambda"]),
    ],
)
def test_pattern_fits(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert [name for name in fitting if not fits(pattern, name)] == []
    assert [name for name in others if fits(pattern, name)] == []


@pytest.mark.parametrize(
    "pattern", ["*a" * 40 + "b", "a" + "..*a" * 30, "{a,aa}" * 6 + "*" * 50 + "b", "*..*..*..*..*..b"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    name = "a." + "a" * 200 + ".a" * 50
    fits(pattern, "a")

    started = process_time()
    fits(pattern, name)

    assert process_time() - started < 0.25


def test_class_may_be_written_by_its_last_name() -> None:
    assert fits_class("ValueError", "builtins.ValueError")
    assert not fits_class("b.ValueError", "builtins.ValueError")


def test_what_lies_below_is_inside() -> None:
    assert [fits_inside("a.b", name) for name in ("a", "a.b", "a.b.c", "a.bc")] == [False, True, True, False]
    assert fits_inside("a.b..", "a.b.c")


def test_alternatives_are_counted_up_to_a_bound() -> None:
    assert [alternatives("a"), alternatives("{a,b}.{c,d,e}"), alternatives("{a,b}" * 1000)] == [1, 6, 65]


@pytest.mark.parametrize(
    ("pattern", "module", "answer"),
    [
        ("a.b.C", "a.b", True),
        ("a.b.C", "a", True),
        ("a.b.C", "a.c", False),
        ("a.b", "a.b.c", False),
        ("a.b..C", "a.b.c.d", True),
        ("a.b..C", "a.x.c.d", False),
        ("{a,b}.C", "b", True),
        ("*..C", "x.y", True),
    ],
)
def test_module_that_can_hold_nothing_is_ruled_out(pattern: str, module: str, answer: bool) -> None:
    assert may_lie_in(pattern, module) is answer


def test_module_below_can_be_meant() -> None:
    assert may_lie_in("a.b", "a.b.c", below=True)


@pytest.mark.slow
@given(PATTERNS, NAMES, NAMES)
def test_module_that_is_ruled_out_holds_nothing(pattern: str, module: str, rest: str) -> None:
    if not may_lie_in(pattern, module):
        assert not fits(pattern, module)
        assert not fits(pattern, f"{module}.{rest}")


def test_marks_of_functions_around_are_left_out() -> None:
    assert without_locals("m.f.<locals>.C.g.<locals>.<lambda>") == "m.f.C.g.<lambda>"
