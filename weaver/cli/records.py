"""Where commands over events get their records: a running server, page by page, or archives without one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from weaver.cli.client import NEGATIVE, USAGE, ClientError, connect
from weaver.cli.output import settings
from weaver.errors import ArchiveError, QuerySyntaxError

Command = TypeVar("Command", bound=Callable[..., Any])
Record = dict[str, Any]

PAGE = 500
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read_moment(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Return the moment that a text means: ``10m`` ago (``s m h d``), or ISO 8601, local if it names no zone.

    Units: milliseconds since the epoch.
    Errors: click.BadParameter.
    """
    if value is None:
        return None
    ago = re.fullmatch(r"(\d{1,9})([smhd])", value)
    if ago:
        return int((time.time() - int(ago[1]) * _UNITS[ago[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{value!r} is neither like 10m nor like 2026-01-31T12:00") from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command asks for."""

    query: str = ""
    since: int | None = None
    until: int | None = None
    first: int | None = None
    last: int | None = None
    newest: bool = False


def range_options(command: Command) -> Command:
    """Give a command the query, ``--archive`` and the options for ranges."""
    command = click.argument("query", default="", metavar="[QUERY]")(command)
    for option in (
        click.option(
            "--archive", type=click.Path(path_type=Path), metavar="FILE", help="Read this file, ask no server."
        ),
        click.option("--ring", is_flag=True, help="The server's memory, even if it has an archive."),
        click.option("--since", callback=read_moment, metavar="TIME", help="From then on: 10m, 2h, 2026-01-31T12:00."),
        click.option("--until", callback=read_moment, metavar="TIME", help="Up to then."),
        click.option("--first", type=int, metavar="ID", help="From this record on."),
        click.option("--last", type=int, metavar="ID", help="Up to this record."),
    ):
        command = option(command)
    return command


def read_records(
    wanted: Wanted, archive: Path | None, *, ring: bool = False, target: str | None = None
) -> Iterator[Record]:
    """Yield the records, one page after another; ``target`` is another server than the one that is meant.

    Errors: ClientError.
    """
    if archive is not None:
        yield from read_archive(wanted, archive)
        return
    with connect(target or settings().target) as server:
        params: dict[str, Any] = {
            "query": wanted.query,
            "since": wanted.since,
            "until": wanted.until,
            "first": wanted.first,
            "last": wanted.last,
            "newest": wanted.newest,
            "source": "ring" if ring else None,
            "limit": PAGE,
        }
        given = {name: value for name, value in params.items() if value is not None}
        cursor: dict[str, Any] = {}
        while True:
            page = server.call("event.query", **given, **cursor)
            yield from page["events"]
            if page["cursor"] is None:
                return
            cursor = {"cursor": page["cursor"]}


def read_archive(wanted: Wanted, archive: Path) -> Iterator[Record]:
    """Yield the records of an archive.

    Errors: ClientError.
    """
    from weaver.query.archive import read_flags, read_page
    from weaver.query.parser import parse_query
    from weaver.query.selection import Selection

    try:
        condition = parse_query(wanted.query, read_flags(archive)) if wanted.query.strip() else None
        selection = Selection(condition, wanted.since, wanted.until, wanted.first, wanted.last, wanted.newest)
        cursor: int | None = 0
        while cursor is not None:
            page = read_page(archive, selection, PAGE)
            yield from page.records
            cursor = page.cursor
            if cursor is not None:
                selection = selection.from_cursor(cursor)
    except (ArchiveError, QuerySyntaxError) as error:
        wrong = isinstance(error, QuerySyntaxError)
        raise ClientError(str(error), USAGE if wrong else NEGATIVE) from error
