"""``weaver tail``: events as they happen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from weaver.cli.client import TIMED_OUT, ClientError, connect
from weaver.cli.output import clean, common_options, print_json, settings


@click.command()
@click.option("--monitor", metavar="NAME", help="Of this monitor only.")
@click.option("--query", default="", metavar="QUERY", help="Of those that it asks for only; docs/queries.md.")
@click.option("-n", "--count", type=click.IntRange(1), metavar="N", help="End after so many events.")
@click.option("--timeout", type=click.FloatRange(0.0, min_open=True), metavar="SECONDS", help="End after that time.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@common_options
def tail(monitor: str | None, query: str, count: int | None, timeout: float | None, utc: bool) -> None:
    """Print events as they happen, one a line, until Ctrl-C; with --json one object a line."""
    params = {name: value for name, value in (("monitor", monitor), ("query", query)) if value}
    with connect(settings().target) as server:
        server.call("event.subscribe", **params)
        seen = 0
        for message in server.events(None if timeout is None else time.monotonic() + timeout):
            if message["method"] != "event":
                continue
            event = message["params"]
            event.pop("subscription", None)
            dropped = event.pop("dropped", 0)
            if dropped:
                click.echo(f"{dropped} events were dropped: this client is too slow", err=True)
            if settings().json:
                print_json(event)
            else:
                click.echo(line_of(event, utc=utc))
            seen += 1
            if seen == count:
                return
    if count is not None:
        raise ClientError(f"{seen} of {count} events within {timeout:g} s", TIMED_OUT)


def line_of(event: Mapping[str, Any], *, utc: bool = False) -> str:
    """Return an event as one line: time, context, monitor, joinpoint, then what the action has to say."""
    moment = datetime.fromtimestamp(event.get("timestamp", 0) / 1000, UTC)
    when = (moment if utc else moment.astimezone()).isoformat(timespec="milliseconds")
    owner = str(event.get("class_name") or event.get("module") or "").rpartition(".")[2]
    parts = [when, str(event.get("context_id") or "-"), str(event.get("monitor")), f"{owner}.{event.get('method')}"]
    if event.get("arguments"):
        parts.append("(" + ", ".join(map(str, event["arguments"])) + ")")
    if event.get("result") is not None:
        parts.append(f"-> {event['result']}")
    payload = event.get("payload") or {}
    parts += [f"{key}={value}" for key, value in payload.items()]
    return "  ".join(map(clean, parts))
