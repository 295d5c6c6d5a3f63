"""``weaver stats``: what the statistics actions keep, by class, method and signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.output import common_options, print_json, print_table, settings


@click.command()
@click.argument("query", default="")
@click.option("--memory", is_flag=True, help="Those of MethodMemoryAllocationStatisticsAction, in bytes.")
@click.option("--monitor", default="", metavar="NAME", help="What this monitor measured; without: all together.")
@click.option("--reset", is_flag=True, help="Have them begin anew, and show how many these are.")
@common_options
def stats(query: str, memory: bool, monitor: str, reset: bool) -> None:
    """Show the statistics that QUERY asks for, in ns: (CLASS)(METHOD)(SIGNATURE)(ATTRIBUTES), as (*.Cart)(add*)."""
    asked = {"query": query, "monitor": monitor, "of": "memory" if memory else "invocations"}
    with connect(settings().target) as server:
        found = server.call("statistics.reset" if reset else "statistics.read", **asked)
    if settings().json:
        print_json(found)
    elif reset:
        click.echo(f"{found['reset']} methods begin anew")
    else:
        print_statistics(found)


def print_statistics(found: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> None:
    """Print a row for each method and signature."""
    rows = [
        (f"{owner}.{method}({signature})", values)
        for owner, methods in found.items()
        for method, signatures in methods.items()
        for signature, values in signatures.items()
    ]
    heads = list(rows[0][1]) if rows else []
    print_table(
        ["METHOD", *(head.upper() for head in heads)],
        [[name, *(f"{values[head]:.0f}" for head in heads)] for name, values in rows],
    )
