"""``weaver notices``: what the weaver has to tell unasked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from weaver.cli.client import Client, connect
from weaver.cli.output import clean, common_options, print_json, settings


@click.command()
@click.option("-n", "--count", type=click.IntRange(1, 1000), default=20, metavar="N", help="So many of the last ones.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new ones as they come, until Ctrl-C.")
@click.option("--timeout", type=click.FloatRange(0.0, min_open=True), metavar="SECONDS", help="Follow so long.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@common_options
def notices(count: int, follow: bool, timeout: float | None, utc: bool) -> None:
    """Print notices, the oldest first: monitors that were switched off, watches that fired, calls that were kept."""
    with connect(settings().target) as server:
        if follow:
            server.call("notice.subscribe")
        last = 0
        for notice in server.call("notice.recent", limit=count):
            _print(notice, utc=utc)
            last = notice["notice_id"]
        if follow:
            for notice in _coming(server, timeout):
                if notice["notice_id"] > last:  # the others came between the two calls and are printed
                    _print(notice, utc=utc)


def line_of(notice: Mapping[str, Any], *, utc: bool = False) -> str:
    """Return a notice as one line: time, severity, what has happened, to whom, the text."""
    moment = datetime.fromtimestamp(notice["timestamp"] / 1000, UTC)
    when = (moment if utc else moment.astimezone()).isoformat(timespec="milliseconds")
    return "  ".join(map(clean, [when, *(notice[key] for key in ("severity", "kind", "source", "text"))]))


def _coming(server: Client, timeout: float | None) -> Iterator[Mapping[str, Any]]:
    for message in server.events(None if timeout is None else time.monotonic() + timeout):
        if message["method"] == "notice":
            yield message["params"]


def _print(notice: Mapping[str, Any], *, utc: bool) -> None:
    if settings().json:
        print_json(notice)
    else:
        click.echo(line_of(notice, utc=utc))
