import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.nodes import And, Execution, Not, Or, Parameters, Pointcut, Within
from weaver.pointcut.parser import execution, parse_pointcut, within

PATHS = st.sampled_from(["", "a.b", "a..", "a..*", "*", "a.*.B", "{a,b}.c"])
NAMES = st.sampled_from(["do_*", "*", "get", "__init__"])
PARAMETERS = st.builds(Parameters, st.sampled_from([(), ("self",), ("self", "x"), ("*",)]), st.booleans())
LEAVES = st.one_of(
    st.builds(Execution, NAMES, PATHS.filter(lambda p: p.endswith("..")), st.just(False), PARAMETERS),
    st.builds(
        Execution,
        NAMES,
        PATHS.filter(lambda p: p and p[-1] != "."),
        st.booleans(),
        PARAMETERS,
        st.sampled_from(["*", "int"]),
    ),
    st.builds(Within, PATHS.filter(bool), st.booleans()),
)
TREES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.builds(And, inner, inner), st.builds(Or, inner, inner), st.builds(Not, inner))
)


def leaves(tree: Pointcut) -> list[Pointcut]:
    if isinstance(tree, (And, Or)):
        return [*leaves(tree.left), *leaves(tree.right)]
    return leaves(tree.operand) if isinstance(tree, Not) else [tree]


@given(TREES)
def test_text_of_a_tree_parses_to_the_same_text(tree: Pointcut) -> None:
    text = str(tree)

    again = parse_pointcut(text)

    assert str(again) == text
    assert len(leaves(again)) == len(leaves(tree))


@pytest.mark.parametrize("text", ["a.b and not c.d", "a.b AND NOT c.d", "a.b && !c.d"])
def test_three_spellings_of_operators_are_one_tree(text: str) -> None:
    assert parse_pointcut(text) == And(Execution("b", "a"), Not(Execution("d", "c")))


def test_python_spelling_is_the_same_tree() -> None:
    assert execution("* a.b(..)") & ~within("c..") | within("d") == parse_pointcut(
        "execution(* a.b(..)) and not within(c..) or within(d)"
    )


def test_and_binds_closer_than_or() -> None:
    assert isinstance(parse_pointcut("a.b or c.d and e.f"), Or)


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("exection(* a.b(..))", 1, "did you mean 'execution'?"),
        ("a & b", 3, "write '&&'"),
        ("a | b", 3, "write '||'"),
        ("execution(* a.b(..)", 20, "the '(' at column 10 is never closed"),
        ("", 1, ""),
        ("a b", 3, "'b' stands alone"),
        ("execution(..)", 11, "do_invite"),
        ("a.b and", 8, ""),
        ("execution(* a.b(..", 19, ""),
        ("execution(* a.b(.., x))", 21, ""),
        ("execution()", 11, ""),
        ("a.", 3, ""),
    ],
)
def test_error_points_at_its_column(text: str, column: int, hint: str) -> None:
    with pytest.raises(PointcutSyntaxError) as caught:
        parse_pointcut(text)

    assert caught.value.column == column
    assert hint in str(caught.value)


@given(st.text(alphabet="ab.*+()&|!, {}:execution", max_size=30))
def test_any_text_gives_a_tree_or_the_declared_error(text: str) -> None:
    try:
        tree = parse_pointcut(text)
    except PointcutSyntaxError:
        return

    assert isinstance(tree, Pointcut)
