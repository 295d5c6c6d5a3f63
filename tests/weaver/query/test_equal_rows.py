"""A query gives the same rows over events in memory and over the archive, and its text reads as the same query."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.weaver.events import make_event
from tests.weaver.query.events import CONDITIONS, NAMED, events
from weaver.columns import VARIABLES, row_of
from weaver.dye import BITS
from weaver.event import Event
from weaver.query.nodes import Among, AnyBit, Bits, Compare, Condition, Literal, Match, Not, Variable
from weaver.query.parser import parse_query
from weaver.query.predicate import compile_predicate
from weaver.query.sql import compile_sql
from weaver.sinks.archive import INSERT, SCHEMA


def rows_of(connection: sqlite3.Connection, found: list[Event], condition: Condition) -> list[int]:
    connection.execute("DELETE FROM events")
    connection.executemany(INSERT, [(at, *row_of(event)[1:]) for at, event in enumerate(found)])
    sql = compile_sql(condition)
    sql.serve(connection)
    query = f"SELECT RECORDID FROM events WHERE {sql.text} ORDER BY RECORDID"
    return [row[0] for row in connection.execute(query, sql.parameters)]


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in SCHEMA:
            made.execute(statement)
        yield made


ENTRY = Variable(VARIABLES["PAYLOAD"], "a")
DYES = Variable(VARIABLES["DYES"])


@pytest.mark.slow
@settings(max_examples=400)
@example(found=[make_event(0, payload={"a": "b\0c"})], condition=Compare("=", ENTRY, Literal("b")))
@example(found=[make_event(0, payload={"a": math.inf})], condition=Compare(">", ENTRY, Literal(1)))
@example(found=[make_event(0, payload={"a": "5"})], condition=Compare(">", ENTRY, Literal(1)))
@example(found=[make_event(0, payload={"a": True})], condition=Among(ENTRY, (Literal(1),)))
@example(found=[make_event(0, payload={"a": [1]})], condition=Match("LIKE", ENTRY, "%"))
@example(found=[make_event(0)], condition=Not(Compare("!=", Variable(VARIABLES["CONTEXTID"]), Literal("a"))))
@example(found=[make_event(0, dyes=1 << 63)], condition=AnyBit(Bits("&", DYES, Literal(-1))))
@example(
    found=[make_event(0, dyes=1 << 900, payload={"dyes": ["ALICE"]})],
    condition=AnyBit(Bits("&", DYES, Literal(1, "ALICE"))),
)
@example(found=[make_event(0, dyes=(1 << 63) - 1)], condition=AnyBit(Bits("&", DYES, Literal(1, "ALICE"))))
@example(found=[make_event(0, dyes=1 << 64)], condition=Compare("<", DYES, Literal(1e30)))
@example(found=[make_event(0, dyes=1 << 64, payload={"dyes": ["BOB"]})], condition=Among(DYES, (Literal(1, "BOB"),)))
@example(found=[make_event(0, dyes=3, payload={"a": 3})], condition=Compare("=", ENTRY, DYES))
@given(found=st.lists(events(), max_size=4), condition=CONDITIONS)
def test_archive_and_memory_give_the_same_rows(
    connection: sqlite3.Connection, found: list[Event], condition: Condition
) -> None:
    numbered = [
        type(event)(at, *[getattr(event, name) for name in event.__struct_fields__[1:]])
        for at, event in enumerate(found)
    ]
    test = compile_predicate(condition)

    assert rows_of(connection, numbered, condition) == [event.record_id for event in numbered if test(event)]


@pytest.mark.slow
@settings(max_examples=400)
@given(condition=CONDITIONS, found=st.lists(events(), max_size=3))
def test_text_of_a_query_reads_as_the_same_query(condition: Condition, found: list[Event]) -> None:
    again = parse_query(str(condition), {**BITS, **NAMED})

    assert str(again) == str(condition)
    assert [compile_predicate(again)(event) for event in found] == [
        compile_predicate(condition)(event) for event in found
    ]
