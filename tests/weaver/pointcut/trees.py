"""Pointcut trees and texts, generated."""

from hypothesis import strategies as st

from weaver.pointcut.nodes import (
    And,
    Args,
    Call,
    Cflow,
    Decorated,
    Execution,
    Get,
    Handler,
    Initialization,
    Not,
    Or,
    Parameters,
    Pointcut,
    Raises,
    Set,
    Target,
    This,
    Value,
    Within,
    WithinCode,
)

NAMES = st.sampled_from(
    ["do_*", "*", "get", "__init__", "{a,b_*}c", "<lambda>", "call", "args", "static", "andy", "é1"]
)
PATHS = st.sampled_from(["a.b", "a..*", "*", "a.*.B", "{a,b}.c", "a..b..C", "public", "x.within", "set"])
WIDE_PATHS = st.one_of(PATHS, st.sampled_from(["a..", "a.b*.."]))
PLACES = st.one_of(
    st.tuples(st.one_of(st.just(""), WIDE_PATHS), st.just(False)),
    st.tuples(PATHS, st.just(True)),
)
CLASSES = st.one_of(st.tuples(PATHS, st.booleans()), st.tuples(WIDE_PATHS, st.just(False)))
VALUES = st.builds(Value, NAMES, st.just(False), st.booleans())
CLASS_VALUES = st.builds(Value, PATHS, st.booleans(), st.booleans())


def parameters(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Parameters]:
    return st.builds(Parameters, st.lists(values, max_size=3).map(tuple), st.booleans())


def member(kind: type[Pointcut], *more: st.SearchStrategy[object]) -> st.SearchStrategy[Pointcut]:
    return st.builds(lambda name, place, *rest: kind(name, *place, *rest), NAMES, PLACES, *more)  # type: ignore[call-arg]


RETURNS = st.builds(Value, st.sampled_from(["*", "int", "a.B", "call"]), st.just(False), st.booleans())
LEAVES: st.SearchStrategy[Pointcut] = st.one_of(
    member(Execution, parameters(VALUES), RETURNS),
    member(WithinCode, parameters(VALUES), RETURNS),
    member(Call, parameters(CLASS_VALUES), st.builds(Value, shown=st.booleans())),
    member(Get),
    member(Set),
    *(
        CLASSES.map(lambda place, kind=kind: kind(*place))  # type: ignore[misc]
        for kind in (Handler, Initialization, This, Target, Raises, Within)
    ),
    st.builds(Decorated, WIDE_PATHS),
    st.builds(Args, parameters(CLASS_VALUES)),
)


def combined(inner: st.SearchStrategy[Pointcut]) -> st.SearchStrategy[Pointcut]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, inner), st.builds(Cflow, inner))


TREES = st.recursive(LEAVES, combined, max_leaves=12)

_SIGNS = "( ) , . .. ... + % @ [] & && || ! or OR and not NOT * a a.b a..b a+ a+.b {a,b} {a <locals> a:"
_WORDS = (
    "execution call handler get set initialization within withincode cflow args this target decorated raises "
    "public static int byte"
)
PIECES = st.sampled_from([*_SIGNS.split(), *_WORDS.split()])
"""Pieces of which texts near the language are made."""


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return the text of a tree, damaged in a few places or not at all."""
    text = str(draw(TREES))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 4))
        text = text[:at] + draw(st.one_of(PIECES, st.just(""), st.just(" "))) + text[at + cut :]
    return text


JAVA_TYPES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "%", "% "]),
    st.sampled_from(["", "+", "+ "]),
    st.sampled_from(["int", "byte", "void", "java.lang.String", "*", "com.foo.*", "public"]),
    st.sampled_from(["", "[]", "[][]", " []"]),
)
JAVA_CLASSES = st.sampled_from(["*", "+a.B", "a.b.*", "*Foo", "*.Foo", "+a.F*", "@A", "@A OR b.C", "@ A || B", "+a.."])
MODIFIERS = st.lists(st.sampled_from(["public", "private OR static", "static", "protected or public"]), max_size=2)


@st.composite
def java_signatures(draw: st.DrawFn) -> str:
    """Return a pointcut as the original product's users write it."""
    types = draw(st.lists(JAVA_TYPES, max_size=3)) + draw(st.sampled_from([[], ["..."], [".."]]))
    modifiers = " ".join(draw(MODIFIERS))
    method = draw(st.sampled_from(["get*", "*", "x", "static"]))
    designator = draw(st.sampled_from(["execution", "call", "withincode"]))
    signature = f"{draw(JAVA_TYPES)} {draw(JAVA_CLASSES)} {method} ({', '.join(types)})"
    return f"{designator}( {modifiers} {signature} )"
