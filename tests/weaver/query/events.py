"""Events and queries that Hypothesis makes."""

from typing import Any

from hypothesis import strategies as st

from tests.weaver.events import make_event
from weaver.columns import COLUMNS
from weaver.dye import BITS
from weaver.event import Event
from weaver.query import nodes
from weaver.query.nodes import All, Among, AnyBit, Bits, Compare, Condition, Literal, Match, Not, Value, Variable

TEXTS = st.sampled_from(["a", "b", "a\0b", "A", "5"]) | st.text("abA%_'\"\\.*é \n\0\U0001f600", max_size=4)
INTEGERS = st.integers(-3, 5) | st.integers(-(1 << 63), (1 << 63) - 1)
FLOATS = st.integers(-64, 64).map(lambda number: number / 8)
ENTRIES = TEXTS | INTEGERS | FLOATS | st.booleans() | st.none() | st.lists(INTEGERS, max_size=2)
TABLES = st.none() | st.dictionaries(st.sampled_from(["a", "b", "x-y"]), ENTRIES, max_size=3)
DYES = st.fixed_dictionaries({"dyes": st.lists(st.sampled_from(["ADDR1", "ALICE", "BOB"]), max_size=3, unique=True)})
NAMED = {"ALICE": 43, "BOB": 63, "CAROL": 64, "DAVE": 1000}
"""Named dyes; events have them at other bits, too."""
VECTORS = (
    st.integers(0, 7)
    | st.integers(0, (1 << 64) - 1)
    | st.integers(0, (1 << 1024) - 1)
    | st.sampled_from([62, 63, 64, 127, 1000]).map(lambda bit: 1 << bit)
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    return make_event(
        draw(st.integers(0, 5)),
        timestamp=draw(st.integers(0, 5)),
        context_id=draw(st.none() | TEXTS),
        monitor=draw(TEXTS),
        line=draw(INTEGERS),
        result=draw(st.none() | TEXTS),
        arguments=draw(st.none() | st.lists(TEXTS, max_size=2)),
        payload=draw(TABLES | DYES),
        context_payload=draw(TABLES),
        dyes=draw(VECTORS),
    )


def _columns(*names: str) -> list[Variable]:
    return [Variable(column) for column in COLUMNS if column.name in names]


TEXT_COLUMNS = st.sampled_from(_columns("CONTEXTID", "MONITOR", "RETVAL", "ARGUMENTS", "PAYLOAD", "TYPE"))
NUMBER_COLUMNS = st.sampled_from(_columns("RECORDID", "TIMESTAMP", "LINENUM", "DYES"))
ENTRY_VALUES = st.builds(
    Variable,
    st.sampled_from([column for column in COLUMNS if column.name in {"PAYLOAD", "CTXPAYLOAD"}]),
    st.sampled_from(["a", "b", "x-y", "none"]),
)
TEXT_LITERALS = TEXTS.map(Literal)
WHOLE = INTEGERS.filter(lambda number: number != -(1 << 63)).map(Literal)
NUMBER_LITERALS = WHOLE | FLOATS.map(Literal)
FLAGS = st.sampled_from(sorted(BITS)[:8]).map(lambda name: Literal(1 << BITS[name], name))
NAMED_DYES = st.sampled_from(sorted(NAMED)).map(lambda name: Literal(1 << NAMED[name], name))
BITS_VALUES: st.SearchStrategy[Any] = st.recursive(
    NUMBER_COLUMNS | WHOLE | FLAGS | NAMED_DYES,
    lambda below: st.builds(Bits, st.sampled_from("&|"), below, below),
    max_leaves=3,
)
OPERATORS = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])
PATTERNS = st.sampled_from(["", "%", "_", "a%", "%\n%", "._", "\\%", "'%'"]) | TEXTS
REGEXES = st.sampled_from(["", ".*", "a+", "(?i)a.*", "[^a]", "\\d*", "a|é", "\\x{1f600}?"])


def _compared(left: st.SearchStrategy[Any], right: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    return st.builds(Compare, OPERATORS, left, right)


def _among(value: st.SearchStrategy[Any], literal: st.SearchStrategy[Literal]) -> st.SearchStrategy[Condition]:
    return st.builds(Among, value, st.lists(literal, min_size=1, max_size=3).map(tuple))


COMPARISONS: st.SearchStrategy[Condition] = st.one_of(
    _compared(TEXT_COLUMNS, TEXT_LITERALS | TEXT_COLUMNS | ENTRY_VALUES),
    _compared(
        NUMBER_COLUMNS | BITS_VALUES.filter(lambda value: isinstance(value, Bits)), NUMBER_LITERALS | ENTRY_VALUES
    ),
    _compared(ENTRY_VALUES, TEXT_LITERALS | NUMBER_LITERALS | ENTRY_VALUES),
    st.builds(Match, st.just("LIKE"), TEXT_COLUMNS | ENTRY_VALUES, PATTERNS),
    st.builds(Match, st.just("MATCHES"), TEXT_COLUMNS | ENTRY_VALUES, REGEXES),
    _among(TEXT_COLUMNS | ENTRY_VALUES, TEXT_LITERALS),
    _among(NUMBER_COLUMNS | ENTRY_VALUES, NUMBER_LITERALS | NAMED_DYES),
    BITS_VALUES.filter(lambda value: isinstance(value, Bits)).map(AnyBit),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    COMPARISONS,
    lambda below: (
        st.builds(All, st.lists(below, min_size=2, max_size=3).map(tuple))
        | st.builds(nodes.Any, st.lists(below, min_size=2, max_size=3).map(tuple))
        | st.builds(Not, below)
    ),
    max_leaves=6,
)

__all__ = ["CONDITIONS", "NAMED", "Condition", "Value", "events"]
