"""``weaver events export``: events as a file for other programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from weaver.cli.client import NEGATIVE, ClientError
from weaver.cli.output import common_options
from weaver.cli.records import Record, Wanted, range_options, read_records

FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""First characters that make a spreadsheet take a text for a formula."""


@click.command()
@range_options
@click.option(
    "-f", "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="How."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where, else here."
)
@common_options
def export(
    query: str,
    archive: Path | None,
    ring: bool,
    since: int | None,
    until: int | None,
    first: int | None,
    last: int | None,
    form: str,
    output: Path | None,
) -> None:
    """Write all events that QUERY asks for, the oldest first, as JSON lines or as CSV.

    In CSV lists and tables are JSON, and a text that a spreadsheet would run as a formula has an apostrophe before it.
    """
    records = read_records(Wanted(query, since, until, first, last), archive, ring=ring)
    if output is None:
        FORMATS[form](records, sys.stdout.buffer)
        return
    try:
        with output.open("wb") as file:
            count = FORMATS[form](records, file)
    except OSError as error:
        raise ClientError(f"{output}: {error.strerror or error}", NEGATIVE) from error
    click.echo(f"{count} events are in {output}", err=True)


def write_jsonl(records: Iterable[Record], file: BinaryIO) -> int:
    """Write records as JSON lines; return how many."""
    count = 0
    for record in records:
        file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        count += 1
    return count


def write_csv(records: Iterable[Record], file: BinaryIO) -> int:
    """Write records as CSV with the archive's columns; return how many."""
    from weaver.columns import COLUMNS

    text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow([column.name for column in COLUMNS])
    count = 0
    for record in records:
        rows.writerow([cell(record.get(column.field)) for column in COLUMNS])
        count += 1
    text.detach()
    return count


def cell(value: object) -> str | int | float:
    """Return a value as it stands in CSV: nothing that a spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text[:1] in FORMULA and text else text


FORMATS: Mapping[str, Callable[[Iterable[Record], Any], int]] = {"jsonl": write_jsonl, "csv": write_csv}
