"""What the original product's users write, in the words of its documentation."""

import pytest

from weaver.pointcut.parser import parse_pointcut


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("call( * com.foo.bar.* get* (...))", "call(* com.foo.bar.*..get*(..))"),
        (
            "execution(public void com.foo.Bar set* (int, ...))",
            "execution(None com.foo.Bar.set*(int, ..)) and (not execution(* _*(..)) or execution(* __*__(..)))",
        ),
        ("execution(* +com.foo.Service * (...))", "execution(* com.foo.Service+.*(..))"),
        ("execution(* @Stateless * (...))", "execution(* *(..)) and decorated(Stateless)"),
        (
            "execution(* @Stateless OR Stateful * (...))",
            "execution(* *(..)) and (decorated(Stateless) or decorated(Stateful))",
        ),
        (
            "call(* +javax.servlet.sip.SipSession setAttribute(%java.lang.String, ...))",
            "call(* javax.servlet.sip.SipSession+.setAttribute(%java.lang.String, ..))",
        ),
        (
            "execution(* B x(...)) AND NOT execution(private * B x())",
            "execution(* B.x(..)) and not (execution(* B.x()) and execution(* __*(..)) and not execution(* __*__(..)))",
        ),
        ("execution(* * get*(...))", "execution(* get*(..))"),
        ("execution(* +* get*(...))", "execution(* get*(..))"),
        ("execution(* *Servlet service(...))", "execution(* *..*Servlet.service(..))"),
        ("execution(* *.Servlet service(...))", "execution(* *..Servlet.service(..))"),
        ("execution(* com.Foo* service(...))", "execution(* com.Foo*..service(..))"),
        ("execution(* +com.Foo* service(...))", "execution(* com.Foo*+.service(..))"),
        ("execution(%boolean a.B x(byte[], long, char, double[][]))", "execution(%bool a.B.x(bytes, int, str, list))"),
        ("execution(+a.C[] a.B x())", "execution(list a.B.x())"),
        ("execution(* a.B x(+c.D, int, ...))", "execution(* a.B.x(*, int, ..)) and args(c.D+, *, ..)"),
        ("call(void a.B x(+c.D, int))", "call(* a.B.x(c.D+, int))"),
        (
            "execution(protected OR static * a.B x(...))",
            "execution(* a.B.x(..)) and (execution(* _*(..)) and not execution(* __*(..)) or decorated(staticmethod))",
        ),
        ("execution(static * a.B x(...))", "execution(* a.B.x(..)) and decorated(staticmethod)"),
        (
            "execution(public static * B.x(..))",
            "execution(* B.x(..)) and (not execution(* _*(..)) or execution(* __*__(..))) and decorated(staticmethod)",
        ),
    ],
)
def test_spelling_of_the_original_is_a_tree_of_ours(text: str, ours: str) -> None:
    tree = parse_pointcut(text)

    assert tree == parse_pointcut(ours)
    assert str(tree) == ours


def test_precedence_is_not_and_or() -> None:
    text = "execution(* a x(...)) OR NOT execution(* b y(...)) AND execution(* c z(...))"

    assert parse_pointcut(text) == parse_pointcut("a.x or ((not b.y) and c.z)")
