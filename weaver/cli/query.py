"""``weaver events query``: the events that a query asks for, one a line."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from weaver.cli.output import common_options, print_json, settings
from weaver.cli.records import Wanted, range_options, read_records
from weaver.cli.tail import line_of


@click.command()
@range_options
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="At most so many."
)
@click.option("--oldest", is_flag=True, help="The oldest ones, not the newest.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@common_options
def query(
    query: str,
    archive: Path | None,
    ring: bool,
    since: int | None,
    until: int | None,
    first: int | None,
    last: int | None,
    limit: int,
    oldest: bool,
    utc: bool,
) -> None:
    """Print the last events that QUERY asks for, such as "MONITOR LIKE 'Sip%' AND DYES & ADDR1"; all without one.

    docs/queries.md has the language. The events come from the archive of the running server, else from its memory; or,
    without a server, from --archive FILE. The oldest is printed first. With --json one object a line.
    """
    wanted = Wanted(query, since, until, first, last, newest=not oldest)
    found = list(islice(read_records(wanted, archive, ring=ring), limit))
    for record in found if oldest else reversed(found):
        if settings().json:
            print_json(record)
        else:
            click.echo(line_of(record, utc=utc))
