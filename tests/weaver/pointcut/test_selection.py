import pytest

from tests.weaver.pointcut.test_match import CALL, HERE, OPEN_CALL, SHADOWS
from weaver.errors import PointcutSyntaxError
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.selection import asks_subclasses, find_by_name, near_names, nearest, select, select_text

ALL = list(SHADOWS.values())


def test_selection_keeps_order_and_residues() -> None:
    found = select(parse_pointcut("this(Heir) and serve or make"), ALL)

    assert [(one.shadow.qualname, one.residue is None) for one in found] == [
        ("Base.serve", False),
        ("Derived.serve", False),
        ("Derived.make", True),
    ]


def test_modules_that_are_ruled_out_are_not_looked_at() -> None:
    class Untouched:
        module = "other.module"

    assert select(parse_pointcut("execution(* a.b.C.f(..)) and within(a)"), [Untouched(), Untouched()]) == []  # type: ignore[list-item]


def test_answer_to_a_client_is_plain() -> None:
    found = select_text("call(* Reader.read(..)) or own()", [*ALL, OPEN_CALL, CALL], {"own": parse_pointcut("a.b")})

    assert found["pointcut"] == "call(* Reader.read(..)) or execution(* a.b(..))"
    assert found["nearest"] == []
    assert found["shadows"] == [
        {
            "kind": "call",
            "joinpoint": f"{HERE}:plain",
            "name": "read",
            "owner": None,
            "file": OPEN_CALL.filename,
            "line": OPEN_CALL.line,
            "flags": "plain",
            "when": "the receiver is a Reader",
        }
    ]


def test_answer_to_a_client_has_near_names_when_there_is_nothing() -> None:
    assert select_text("a.make", ALL, {})["nearest"] == [f"{HERE}.Derived.make"]
    with pytest.raises(PointcutSyntaxError):
        select_text("a.", ALL, {})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x.Derived.serve", ["Derived.serve", "Base.serve"]),
        ("x.Derived.srve", ["Derived.serve", "Base.serve"]),
        ("x.y.zzzzzz", []),
        ("within(x)", []),
        ("x.*", []),
        ("call(* x.make(..)) and not get(x.ready)", ["Derived.make", "Derived.ready"]),
    ],
)
def test_nearest_names_have_the_same_or_nearly_the_same_last_part(text: str, names: list[str]) -> None:
    assert nearest(parse_pointcut(text), ALL) == [f"{HERE}.{name}" for name in names]


def test_function_is_found_by_its_whole_name_or_the_end_of_it() -> None:
    assert [one.qualname for one in find_by_name(f"{HERE}:Base.serve", ALL)] == ["Base.serve"]
    assert [one.qualname for one in find_by_name("serve", ALL)] == ["Base.serve", "Derived.serve"]
    assert find_by_name("erve", ALL) == []
    assert near_names("Base.srve", ALL)[0] == f"{HERE}.Base.serve"


@pytest.mark.parametrize(
    ("text", "answer"), [("a.b", False), ("a+.b", True), ("a or not raises(E+)", True), ("args(int+)", False)]
)
def test_plus_is_found_wherever_it_stands(text: str, answer: bool) -> None:
    assert asks_subclasses(parse_pointcut(text)) is answer
