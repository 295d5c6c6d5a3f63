from types import CodeType
from typing import Any

import pytest

from tests.weaver.weaving.soundness import library_codes
from weaver.weaving.locations import again, on_line, split, stretched

Position = tuple[int | None, int | None, int | None, int | None]


def compiled(source: str) -> CodeType:
    space: dict[str, Any] = {}
    exec(source, space)
    code = space["f"].__code__
    assert isinstance(code, CodeType)
    return code


def positions(code: CodeType, table: bytes, units: int) -> list[Position]:
    """Return what CPython reads in a location table."""
    made = code.replace(co_linetable=table, co_code=bytes((9, 0)) * units, co_exceptiontable=b"")
    return list(made.co_positions())


FAR = (
    "def f():\n"
    + "\n".join(f" v{n} = {n}; w = v{n}" for n in range(300))
    + "\n" * 2_000
    + " return (1,\n"
    + "\n" * 30
    + " " * 200
    + "v299)\n"
)


@pytest.mark.parametrize("start", [0, 1, 2, 3, 5, 8])
def test_table_that_is_split_and_put_together_says_the_same(start: int) -> None:
    for code in (*(code for _, code in library_codes("netrc", "json.decoder")), compiled(FAR)):
        plain = list(code.co_positions())
        if start > len(plain):
            continue
        parts = split(code, start)
        body = b"".join(parts.body)

        whole = (
            parts.head + on_line(parts.first, parts.head_line, 1) + body + on_line(parts.first, parts.last, 1) + body
        )

        read = positions(code, whole, 2 * len(plain) - start + 2)
        lines = [line for line, *_ in plain[start:] if line is not None]
        first: Position = (lines[0], lines[0], None, None) if lines else (None, None, None, None)
        assert read == [*plain[:start], first, *plain[start:], first, *plain[start:]]


def test_stretched_places_have_the_location_of_what_has_grown() -> None:
    code = compiled(FAR)
    plain = list(code.co_positions())
    growth = [(0, 1), (1, 20), (2, 1), (len(plain) - 1, 9)]

    read = positions(code, on_line(1, code.co_firstlineno, 1) + stretched(split(code, 0).body, growth), len(plain) + 32)

    wanted: dict[Position, int] = {}
    for unit, more in growth:
        wanted[plain[unit]] = wanted.get(plain[unit], 0) + more
    for position in set(plain):
        assert read[1:].count(position) - plain.count(position) == wanted.get(position, 0)


def test_code_without_a_single_line_has_no_first_line() -> None:
    code = (lambda x: x).__code__.replace(co_linetable=again(b"\xf8", 3))

    parts = split(code, 1)

    assert (parts.first, parts.body) == (None, (b"\xf9",))
    assert on_line(None, 0, 10) == b"\xff\xf9"


@pytest.mark.parametrize("lines", [0, 1, 31, 32, -1, -32, 5_000, -5_000])
def test_entry_without_columns_reaches_any_line(lines: int) -> None:
    code = (lambda: None).__code__
    table = on_line(code.co_firstlineno + lines + 10_000, code.co_firstlineno + 10_000, 11)

    read = positions(code, on_line(code.co_firstlineno + 10_000, code.co_firstlineno, 1) + table, 12)

    line = code.co_firstlineno + 10_000 + lines
    assert read[1:] == [(line, line, None, None)] * 11
