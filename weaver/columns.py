"""The 22 columns of an event: how the archive, a watch and the code call each, and what kind of value it holds.

In a row a list or a table is text, as JSON. A dye vector is a number as long as it fits into the signed 64 bits of a
database, else bytes, the highest first.

Source: the original's archive columns and watch-rule variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from weaver.event import Event

ColumnKind = Literal["text", "number", "json", "dyes"]


class Column(NamedTuple):
    """One column: its name in the archive, the other name that a watch rule has for it, the field, the kind."""

    name: str
    variable: str
    field: str
    kind: ColumnKind = "text"

    @property
    def type(self) -> str:
        """The type in the database."""
        return "INTEGER" if self.kind in {"number", "dyes"} else "TEXT"


COLUMNS = (
    Column("RECORDID", "RECORDID", "record_id", "number"),
    Column("TIMESTAMP", "TIMESTAMP", "timestamp", "number"),
    Column("CONTEXTID", "CONTEXTID", "context_id"),
    Column("TXID", "TRANSACTIONID", "transaction_id"),
    Column("USERID", "USERID", "user_id"),
    Column("TYPE", "ACTIONTYPE", "type"),
    Column("DOMAIN", "DOMAIN", "domain"),
    Column("SERVER", "SERVER", "server"),
    Column("SCOPE", "SCOPE", "scope"),
    Column("MODULE", "MODULE", "module"),
    Column("MONITOR", "MONITOR", "monitor"),
    Column("FILENAME", "FILENAME", "filename"),
    Column("LINENUM", "LINENUM", "line", "number"),
    Column("CLASSNAME", "CLASSNAME", "class_name"),
    Column("METHODNAME", "METHODNAME", "method"),
    Column("METHODDSC", "METHODDSC", "method_descriptor"),
    Column("ARGUMENTS", "ARGUMENTS", "arguments", "json"),
    Column("RETVAL", "RETVAL", "result"),
    Column("PAYLOAD", "PAYLOAD", "payload", "json"),
    Column("CTXPAYLOAD", "CTXPAYLOAD", "context_payload", "json"),
    Column("DYES", "DYES", "dyes", "dyes"),
    Column("THREADNAME", "THREADNAME", "thread"),
)

VARIABLES: Mapping[str, Column] = {name: one for one in COLUMNS for name in (one.name, one.variable)}
"""Columns by both their names."""

_SMALLEST, _BEYOND = -1 << 63, 1 << 63
"""The whole numbers of a database, from and below."""


def to_row(number: int) -> int | bytes:
    """Return a whole number as a database holds it; a negative one must fit."""
    if _SMALLEST <= number < _BEYOND:
        return number
    return number.to_bytes((number.bit_length() + 7) // 8)


def from_row(value: Any) -> Any:
    """Return a number that may have been too wide; anything else as it is."""
    return int.from_bytes(value) if isinstance(value, bytes) else value


def as_json(value: object) -> str | None:
    """Return a list or table as text.

    Errors: TypeError, UnicodeEncodeError for what JSON cannot hold.
    """
    return None if value is None else msgspec.json.encode(value).decode()


def row_of(event: Event) -> tuple[int | str | bytes | None, ...]:
    """Return an event as a row, in the order of the columns.

    Errors: as above.
    """
    (*front, arguments, result, payload, context_payload, dyes, thread) = msgspec.structs.astuple(event)
    texts = (as_json(arguments), result, as_json(payload), as_json(context_payload))
    return (*front, *texts, to_row(dyes), thread)


def record_of(row: Sequence[Any]) -> dict[str, Any]:
    """Return a row by the names of the fields, its values as they were in the event.

    Errors: msgspec.DecodeError for a row that is not ours.
    """
    return {
        column.field: value if value is None or column.kind in {"text", "number"} else _FROM_ROW[column.kind](value)
        for column, value in zip(COLUMNS, row, strict=True)
    }


_FROM_ROW: Mapping[str, Callable[[Any], Any]] = {"json": msgspec.json.decode, "dyes": from_row}
