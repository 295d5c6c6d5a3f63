from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weaver.pointcut import oracle
from tests.weaver.pointcut.trees import PIECES, TREES, java_signatures, mutated
from weaver.errors import PointcutSyntaxError
from weaver.pointcut.nodes import And, Execution, Not, Or, Parameters, Pointcut, Value, Within
from weaver.pointcut.parser import NESTING, PARTS, parse_pointcut
from weaver.pointcut.tokens import LENGTH


def parsed(text: str) -> Pointcut | None:
    try:
        return parse_pointcut(text)
    except PointcutSyntaxError:
        return None


@pytest.mark.slow
@given(TREES)
def test_text_of_a_tree_parses_to_the_same_tree(tree: Pointcut) -> None:
    assert parse_pointcut(str(tree)) == tree


@pytest.mark.slow
@given(TREES)
def test_second_grammar_reads_the_same_tree(tree: Pointcut) -> None:
    assert oracle.parse(str(tree)) == tree


@pytest.mark.slow
@given(mutated())
def test_second_grammar_agrees_on_damaged_texts(text: str) -> None:
    assert parsed(text) == oracle.parse(text)


@pytest.mark.slow
@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_second_grammar_agrees_on_pieces_in_any_order(text: str) -> None:
    assert parsed(text) == oracle.parse(text)


@pytest.mark.slow
@given(java_signatures())
def test_second_grammar_agrees_on_the_original_spelling(text: str) -> None:
    assert parsed(text) == oracle.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "call(* a+.b(..))",
        "execution(* f(a, ..)) or (b)",
        "execution(static static(..))",
        "args(a+, %b, ..)",
        "x.{a,b}*",
        "execution(%* f(%a, ..))",
        "execution(private OR public static * @A OR B x(+c.D, %int, ...)) && !call(void a.b* c(byte[]))",
    ],
)
def test_second_grammar_accepts_what_the_parser_accepts(text: str) -> None:
    assert oracle.parse(text) == parse_pointcut(text)
    assert oracle.parse(text) is not None


@pytest.mark.parametrize(
    "text", ["a.b and not c.d", "a.b AND NOT c.d", "a.b && !c.d", "(a.b)&&(!(c.d))", "a:b and not c:d"]
)
def test_spellings_of_operators_are_one_tree(text: str) -> None:
    assert parse_pointcut(text) == And((Execution("b", "a"), Not(Execution("d", "c"))))


def test_short_spelling_is_an_execution_with_any_parameters() -> None:
    assert parse_pointcut("apps..*.do_invite") == parse_pointcut("execution(* apps..*.do_invite(..))")


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = Execution("a"), Execution("b"), Execution("c")

    assert parse_pointcut("a or not b and c") == Or((a, And((Not(b), c))))


def test_chains_are_flat_however_they_are_grouped() -> None:
    assert parse_pointcut("(a and b) and (c and d)") == parse_pointcut("a and b and c and d")
    assert Execution("a") & Execution("b") & Execution("c") == parse_pointcut("a and b and c")
    assert Execution("a") | (Execution("b") | Execution("c")) == parse_pointcut("a or b or c")


def test_mark_of_what_may_be_shown_stays_in_the_tree() -> None:
    tree = parse_pointcut("execution(%bool a.b(x, %y, ..))")

    assert tree == Execution(
        "b", "a", False, Parameters((Value("x"), Value("y", shown=True)), True), Value("bool", shown=True)
    )


def test_names_of_functions_inside_functions_are_read_as_they_are_shown() -> None:
    assert parse_pointcut("a.b:f.<locals>.<lambda>") == Execution("<lambda>", "a.b.f")


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("exection(* a.b(..))", 1, "did you mean 'execution'?"),
        ("a & b", 3, "write '&&'"),
        ("a | b", 3, "write '||'"),
        ("execution(* a.b(..)", 20, "the '(' at column 10 is never closed"),
        ("", 1, "expected a pointcut"),
        ("a b", 3, "'b' stands alone"),
        ("execution(..)", 11, "such as do_invite(..)"),
        ("a.b and", 8, "expected a pointcut"),
        ("a.b or or c", 8, "expected a pointcut"),
        ("(a.b or c d", 11, "expected 'and', 'or' or ')'"),
        ("execution(* a.b(..", 19, "the '(' at column 16 is never closed"),
        ("execution(* a.b(.., x))", 19, "expected ')'"),
        ("execution(* a.b(x,))", 19, "expected a parameter"),
        ("execution(* a.b)", 16, "expected '(' before the parameters"),
        ("execution()", 11, "expected a name and its parameters"),
        ("a.", 2, "a name must follow the dot"),
        ("a..", 4, "expected a name behind the last dot"),
        ("execution(* a+b.c(..))", 14, "expected a name without '+'"),
        ("execution(a+ b(..))", 12, "expected a name without '+'"),
        ("execution(* a+.b.c(..))", 14, "'+' stands behind a class, before the last dot"),
        ("execution(* a.b+(..))", 16, "'+' stands behind a class, before the last dot"),
        ("within(a+.b)", 9, "expected '+' behind a class, at the end"),
        ("within(a..+)", 11, "expected '+' behind a class, at the end"),
        ("within()", 8, "expected a module or class"),
        ("handler()", 9, "expected a class"),
        ("get()", 5, "expected an attribute"),
        ("decorated(+)", 11, "expected the name of a decorator"),
        ("args(int, )", 11, "expected the class of an argument"),
        ("call(int a.b(..))", 6, "what a call returns is not known where it is made"),
        ("call(public * a.b(..))", 6, "'public' is a modifier of an execution"),
        ("a{" + "b," * 64 + "c}", 1, "expected at most 64 alternatives"),
        ("within a", 8, "'a' stands alone"),
        ("withn()", 1, "did you mean 'within'?"),
        ("zzzz()", 1, "there are none here"),
        ("execution(public OR * a(..))", 21, "expected one of public, protected, private, static"),
        ("execution(* +a.. b(..))", 14, "'+' stands before a class"),
        ("execution(* A b.c(..))", 15, "expected a method's name without dots"),
    ],
)
def test_error_points_at_its_column_and_says_what_was_expected(text: str, column: int, words: str) -> None:
    with pytest.raises(PointcutSyntaxError) as caught:
        parse_pointcut(text)

    assert caught.value.column == column
    assert words in str(caught.value)


def test_caret_stands_below_the_fault_on_several_lines_and_in_long_texts() -> None:
    for text in ("a.b\n  and\nexecution", "a.b and " * 100 + "execution"):
        with pytest.raises(PointcutSyntaxError) as caught:
            parse_pointcut(text + "(x)")

        first, excerpt, caret, *_ = str(caught.value).splitlines()
        assert excerpt[caret.index("^") :] == ")"
        assert first.startswith(f"column {len(text) + 3}: expected '(' before")
        assert len(excerpt) < 170


@given(st.text(max_size=60))
def test_any_text_gives_a_tree_or_the_declared_error(text: str) -> None:
    assert parsed(text) is None or isinstance(parsed(text), Pointcut)


@given(st.text(alphabet="ab.*+()&|!, {}:<>%@[]\n", max_size=60))
def test_any_text_of_signs_gives_a_tree_or_the_declared_error(text: str) -> None:
    assert parsed(text) is None or isinstance(parsed(text), Pointcut)


@pytest.mark.parametrize("opening", ["(", "not ", "!", "cflow("])
def test_nesting_is_bounded(opening: str) -> None:
    close = ")" * opening.count("(")

    assert parsed(opening * NESTING + "a" + close * NESTING) is not None
    with pytest.raises(PointcutSyntaxError, match=f"at most {NESTING} levels"):
        parse_pointcut(opening * (NESTING + 1) + "a" + close * (NESTING + 1))
    with pytest.raises(PointcutSyntaxError, match=f"at most {NESTING} levels"):
        parse_pointcut(opening * 1000)


def test_size_is_bounded() -> None:
    assert parsed(" or ".join(["a"] * PARTS)) is not None
    with pytest.raises(PointcutSyntaxError, match=f"at most {PARTS} parts"):
        parse_pointcut(" or ".join(["a"] * (PARTS + 1)))


@pytest.mark.parametrize(
    "piece", ["a.", "a", "{a,", "a*", "<", "a+.", "a..", " ", "(", "&", "%", "execution(* a", "not "]
)
def test_longest_text_takes_no_long_time(piece: str) -> None:
    started = process_time()
    parsed((piece * LENGTH)[:LENGTH])

    assert process_time() - started < 2


def test_length_is_bounded() -> None:
    with pytest.raises(PointcutSyntaxError, match=f"at most {LENGTH} characters"):
        parse_pointcut(" " * LENGTH + "a")


def test_subject_of_an_error_is_a_value() -> None:
    with pytest.raises(PointcutSyntaxError) as caught:
        parse_pointcut("within(")

    assert (caught.value.text, caught.value.column, caught.value.expected) == ("within(", 8, "a module or class")


def test_named_pointcut_stands_for_its_tree() -> None:
    named = {"servlets": parse_pointcut("within(apps) or within(x)")}

    tree = parse_pointcut("servlets() and not a.b", named)

    assert tree == And((Or((Within("apps"), Within("x"))), Not(Execution("b", "a"))))
    with pytest.raises(PointcutSyntaxError, match="did you mean 'servlets'"):
        parse_pointcut("a.b and servlet()", named)
    with pytest.raises(PointcutSyntaxError, match="there are: servlets"):
        parse_pointcut("zz()", named)


def test_named_pointcuts_count_against_the_bounds() -> None:
    wide = parse_pointcut(" or ".join(["a"] * (PARTS // 2)))
    deep = parse_pointcut("not " * (NESTING - 1) + "a")

    with pytest.raises(PointcutSyntaxError, match="parts"):
        parse_pointcut("x() and x()", {"x": wide})
    assert parse_pointcut("not x()", {"x": deep})
    with pytest.raises(PointcutSyntaxError, match="levels"):
        parse_pointcut("not (x())", {"x": deep})
