"""``weaver events``: what the server keeps of events, and what an archive has without one."""

from __future__ import annotations

from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.export import export
from weaver.cli.output import clean, common_options, print_json, print_table, settings
from weaver.cli.query import query
from weaver.cli.tree import tree


@click.group()
@common_options
def events() -> None:
    """Query, export and count events; put those of one call together as a tree."""


@events.command()
@common_options
def stats() -> None:
    """Show how many events there were, what each sink has written, and what was dropped and why."""
    with connect(settings().target) as server:
        found = server.call("event.statistics")
    if settings().json:
        print_json(found)
        return
    buffer = found["buffer"]
    print_table(
        ["WHERE", "TO", "WAITING", "WRITTEN", "DROPPED", "DETAILS"],
        [
            [
                "ring",
                f"{buffer['kept']} of {buffer['capacity']}",
                "",
                buffer["emitted"],
                _counts(buffer["dropped"]),
                "",
            ],
            *(_row(sink) for sink in found["sinks"]),
        ],
    )
    for sink in found["sinks"]:
        if sink["fault"]:
            click.echo(f"{clean(sink['name'])}: {clean(sink['fault'])}", err=True)


def _row(sink: dict[str, Any]) -> list[object]:
    waiting = f"{sink['queued']} of {sink['capacity']}"
    return [sink["name"], sink["target"], waiting, sink["written"], _counts(sink["dropped"]), _counts(sink["details"])]


def _counts(counts: dict[str, int]) -> str:
    return " ".join(f"{reason}={count}" for reason, count in counts.items() if count) or "-"


events.add_command(query)
events.add_command(export)
events.add_command(tree)
