import dis
from types import CodeType
from typing import Any

import pytest

from tests.weaver.weaving.soundness import library_codes
from weaver.weaving.assembler import (
    EXTENDED_ARG,
    OP,
    Row,
    decode,
    encoded,
    exception_rows,
    exception_table,
    instruction,
)

MODULES = ("argparse", "email._header_value_parser", "json.decoder")


def library(*names: str) -> list[CodeType]:
    return [code for _, code in library_codes(*names)]


@pytest.mark.parametrize("module", MODULES)
def test_decoded_instructions_are_those_that_the_standard_library_finds(module: str) -> None:
    for code in library(module):
        found = [(i.end, i.name, i.argument, i.target) for i in decode(code.co_code)]
        known = [i for i in dis.get_instructions(code) if i.opcode not in {EXTENDED_ARG, OP["CACHE"]}]

        assert [name for _, name, _, _ in found] == [i.opname for i in known]
        for (_, _, argument, target), one in zip(found, known, strict=True):
            assert argument == one.arg or one.arg is None
            assert (target is not None) == (one.opcode in dis.hasjrel)
            assert target is None or 2 * target == one.argval


@pytest.mark.parametrize("module", MODULES)
def test_encoded_instructions_are_the_code_byte_for_byte(module: str) -> None:
    for code in library(module):
        parts = [(i, encoded(i.op, i.argument)) for i in decode(code.co_code)]

        assert b"".join(data for _, data in parts) == code.co_code
        assert all(len(data) == 2 * (i.end - i.start) for i, data in parts)


@pytest.mark.parametrize("module", MODULES)
def test_exception_table_is_read_as_the_standard_library_does_and_written_the_same(module: str) -> None:
    parse: Any = dis._parse_exception_table  # type: ignore[attr-defined]
    for code in library(module):
        rows = list(exception_rows(code))

        assert [(2 * r.start, 2 * r.end, 2 * r.handler, r.depth, r.lasti) for r in rows] == [
            (row.start, row.end, row.target, row.depth, row.lasti) for row in parse(code)
        ]
        assert exception_table(rows) == code.co_exceptiontable


@pytest.mark.parametrize(
    ("argument", "high"), [(0, []), (255, []), (256, [1]), (65_535, [255]), (65_536, [1, 0]), (1 << 24, [1, 0, 0])]
)
def test_argument_gets_the_prefixes_that_it_needs(argument: int, high: list[int]) -> None:
    data = instruction("LOAD_CONST", argument)

    assert data == b"".join(bytes((EXTENDED_ARG, byte)) for byte in high) + bytes((OP["LOAD_CONST"], argument & 255))


def test_instruction_stays_as_long_as_it_was() -> None:
    assert encoded(OP["LOAD_CONST"], 7, 2) == bytes((EXTENDED_ARG, 0, EXTENDED_ARG, 0, OP["LOAD_CONST"], 7))


def test_row_that_covers_nothing_is_left_out_of_the_exception_table() -> None:
    assert exception_table([Row(3, 3, 9, 0, False)]) == b""


def test_far_places_in_the_exception_table_survive() -> None:
    rows = [Row(64, 5_000, 300_000, 40, True), Row(5_000, 5_001, 0, 0, False)]
    code = (lambda: None).__code__.replace(co_exceptiontable=exception_table(rows))

    assert list(exception_rows(code)) == rows
