"""Queries as text: what is read, what is refused and how that is said."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weaver.events import make_event
from weaver.columns import COLUMNS, VARIABLES
from weaver.dye import BITS
from weaver.errors import QuerySyntaxError
from weaver.query.live import compile_query
from weaver.query.parser import CONDITIONS, DEPTH, parse_query
from weaver.query.patterns import LENGTH as PATTERN_LENGTH
from weaver.query.predicate import compile_predicate
from weaver.query.sql import compile_sql
from weaver.query.tokens import LENGTH
from weaver.sinks.archive import SCHEMA

EVENT = make_event(
    5,
    context_id="c1",
    transaction_id="z9",
    monitor="Sip_Servlet_Before_Service",
    dyes=1 << BITS["ADDR1"] | 1 << BITS["SIP_REQ"],
    payload={"phase": "before", "elapsed_ns": 250},
    context_payload={"status": 486, "method": "INVITE", "call-id": "x"},
    result="it's",
    line=12,
)


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("TXID = 'z9'", True),
        ("TRANSACTIONID = 'z9'", True),
        ("${TRANSACTIONID} = 'z9'", True),
        ('${ TXID } = "z9"', True),
        ("TYPE = 'TraceAction' AND ACTIONTYPE != 'x'", True),
        ("MONITOR LIKE 'Si_%'", True),
        ("MONITOR LIKE 'Si\\_%'", False),
        ("MONITOR LIKE 'S_p\\_%'", True),
        ("MONITOR LIKE 'Sip_%_Service'", True),
        ("MONITOR LIKE 'sip%'", False),
        ("MONITOR MATCHES '\\w+'", True),
        ("PAYLOAD LIKE '%\\%%'", False),
        ("MONITOR LIKE 'Sip'", False),
        ("MONITOR MATCHES 'Sip.*(Before|After).*'", True),
        ("MONITOR MATCHES 'Sip'", False),
        ("MONITOR NOT MATCHES 'Sip'", True),
        ("RETVAL = 'it''s'", True),
        ("RETVAL = 'it\\'s'", True),
        ('RETVAL = "it\'s"', True),
        ("LINENUM IN (1, 12)", True),
        ("LINENUM NOT IN (1, 12)", False),
        ("LINENUM >= 12 AND LINENUM < 12.5", True),
        ("DYES & ADDR1", True),
        ("DYES & USER1", False),
        ("NOT DYES & USER1", True),
        ("${DYES} & (ADDR1 | USER1) = ADDR1", True),
        ("DYES & 1 | 2 = 3", True),
        ("(DYES & (ADDR1 | SIP_REQ)) = (ADDR1 | SIP_REQ)", True),
        ("DYES IN (ADDR1, 3)", False),
        ("PAYLOAD.elapsed_ns > 200 AND CTXPAYLOAD.status >= 400", True),
        ("CTXPAYLOAD.call-id = 'x'", True),
        ("CTXPAYLOAD.status = '486'", False),
        ("CTXPAYLOAD.none = 1 OR CTXPAYLOAD.none != 1", False),
        ("CTXPAYLOAD LIKE '%\"status\":486%'", True),
        ("USERID = 'a' OR USERID != 'a'", False),
        ("NOT (USERID = 'a')", True),
        ("TXID = 'x' OR TXID = 'z9' AND LINENUM = 1", False),
        ("(TXID = 'x' OR TXID = 'z9') AND LINENUM = 12", True),
    ],
)
def test_query_says_which_events_it_wants(query: str, holds: bool) -> None:
    assert compile_query(query)(EVENT) is holds


def test_every_column_has_both_its_names() -> None:
    assert len(COLUMNS) == 22
    assert [column.field for column in COLUMNS] == list(EVENT.__struct_fields__)
    for name, column in VARIABLES.items():
        value = "0" if column.kind in {"number", "dyes"} else "'x'"
        assert str(parse_query(f"${{{name}}} != {value}", {})) == f"{column.name} != {value}"


@pytest.mark.parametrize(
    ("query", "column", "message"),
    [
        ("", 1, "a column"),
        ("MONITR = 'x'", 1, "did you mean 'MONITOR'?"),
        ("monitor = 'x'", 1, "did you mean 'MONITOR'?"),
        ("status >= 400", 1, "CTXPAYLOAD.status; what the action said: PAYLOAD.status"),
        ("DYES & ADR1", 8, "did you mean 'ADDR1'?"),
        ("TXID = 'a' and TXID = 'b'", 12, "write AND: case counts"),
        ("TXID like 'a'", 6, "write LIKE: case counts"),
        ("TXID = 'a' TXID", 12, "expected AND, OR or the end"),
        ("TXID", 5, "expected a comparison"),
        ("TXID = ", 7, "a column, a dye flag, a number"),
        ("TXID = 5", 8, "a text in quotes"),
        ("LINENUM = 'a'", 11, "a number"),
        ("LINENUM LIKE 'a'", 1, "a column with text"),
        ("TXID LIKE 5", 11, "a text in quotes"),
        ("TXID LIKE 'a", 11, "the text is never closed"),
        ("TXID IN ('a', 5)", 15, "a text in quotes"),
        ("TXID IN ('a'", 13, "')'"),
        ("TXID IN (MONITOR)", 10, "a number, a text or a dye flag"),
        ("'a' IN ('a')", 1, "a column"),
        ("(TXID = 'a'", 12, "the '(' at column 1 is never closed"),
        ("(TXID = 'a') = 'b'", 1, "a value, not a condition"),
        ("TXID & 1", 1, "a whole number or a dye flag"),
        ("DYES & 1.5", 8, "a whole number or a dye flag"),
        ("1 = 1", 1, "a column on one side"),
        ("LINENUM = 9223372036854775808", 11, "a number up to"),
        ("LINENUM = 1e999", 11, "a number up to"),
        ("MONITOR.x = 1", 1, "only PAYLOAD and CTXPAYLOAD have entries"),
        ("MONITOR MATCHES '(?=a)'", 17, "invalid perl operator"),
        ("MONITOR MATCHES 'a('", 17, "missing"),
        ("MONITOR ! 'a'", 9, "write '!=' or 'NOT'"),
        ("TXID NOT = 'a'", 10, "LIKE, MATCHES or IN"),
        ("TXID = 'a'; DROP TABLE events", 11, "a name, a value"),
    ],
)
def test_wrong_query_is_refused_with_its_place(query: str, column: int, message: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse_query(query, BITS)

    assert message in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    "query",
    [
        "(" * (DEPTH + 1) + "TXID = 'a'" + ")" * (DEPTH + 1),
        "NOT " * (DEPTH + 1) + "TXID = 'a'",
        " AND ".join(["TXID = 'a'"] * (CONDITIONS + 1)),
        f"LINENUM IN ({', '.join(['1'] * (CONDITIONS + 2))})",
        "TXID = '" + "x" * LENGTH + "'",
        "TXID LIKE '" + "x" * (PATTERN_LENGTH + 1) + "'",
        "TXID MATCHES '(((a{100}){100}){100}){100}'",
    ],
)
def test_query_is_bounded(query: str) -> None:
    with pytest.raises(QuerySyntaxError):
        parse_query(query, BITS)


def test_largest_query_is_taken_by_the_database_too() -> None:
    nested = "NOT " * DEPTH + "TXID = 'a'"
    query = " AND ".join([nested] * 20 + ["TXID IN ('a')"] * (CONDITIONS - 20))

    sql = compile_sql(parse_query(query, BITS))

    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
        assert connection.execute(f"SELECT * FROM events WHERE {sql.text}", sql.parameters).fetchall() == []


@pytest.mark.parametrize("bit", [62, 63, 64, 1_023])
def test_flag_of_any_bit_is_asked_for_by_its_name(bit: int) -> None:
    condition = parse_query("DYES & FAR", {"FAR": bit})

    assert str(condition) == "(DYES & FAR)"
    events = [
        make_event(0, dyes=1 << bit, payload={"dyes": ["FAR"]}),
        make_event(0, dyes=3 << bit, payload={"dyes": ["FAR", "OTHER"]}),
        make_event(0, dyes=1 << bit - 1, payload={"dyes": ["OTHER"]}),
        make_event(0, dyes=0, payload={"dyes": []}),
    ]
    assert [compile_predicate(condition)(event) for event in events] == [True, True, False, False]


@pytest.mark.parametrize("text", ["x' OR 1=1 --", "'; DROP TABLE events; --", '") --', "\\'", "\0"])
def test_no_text_of_a_query_comes_into_the_statement(text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"

    sql = compile_sql(parse_query(f"MONITOR = {quoted} OR CTXPAYLOAD.x-y IN ({quoted}) OR TXID LIKE {quoted}", {}))

    assert sql.parameters.count(text) == 2
    assert text not in sql.text
    assert set(sql.text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_01 (),?='")


@given(st.text(max_size=40) | st.text("TXIDAND ORNOT()='\"&|<>!${}.,%5-\\", max_size=60))
def test_any_text_is_a_query_or_a_syntax_error(text: str) -> None:
    error: QuerySyntaxError | None = None
    try:
        condition = parse_query(text, BITS)
    except QuerySyntaxError as caught:
        error = caught

    if error is None:
        assert str(parse_query(str(condition), BITS)) == str(condition)
    else:
        assert 1 <= error.column <= len(text) + 1
