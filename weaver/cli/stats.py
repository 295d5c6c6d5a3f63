"""``weaver stats``: what actions keep: statistics by class, method and signature; histograms by joinpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.output import common_options, print_json, print_table, settings

FIGURES = ("monitor", "joinpoint", "count", "p50_ns", "p95_ns", "p99_ns")
"""What is printed of a histogram."""


@click.command()
@click.argument("query", default="")
@click.option("--memory", is_flag=True, help="Those of MethodMemoryAllocationStatisticsAction, in bytes.")
@click.option(
    "--histogram", is_flag=True, help="What HistogramAction counts, by monitor and joinpoint; takes no QUERY."
)
@click.option("--monitor", default="", metavar="NAME", help="What this monitor measured; without: all together.")
@click.option("--reset", is_flag=True, help="Have them begin anew, and show how many these are.")
@common_options
def stats(query: str, memory: bool, histogram: bool, monitor: str, reset: bool) -> None:
    """Show the statistics that QUERY asks for, in ns: (CLASS)(METHOD)(SIGNATURE)(ATTRIBUTES), as (*.Cart)(add*)."""
    if histogram and (query or memory):
        raise click.UsageError("--histogram takes neither QUERY nor --memory", click.get_current_context())
    asked = {"query": query, "of": "memory" if memory else "invocations"}
    with connect(settings().target) as server:
        found = server.call(
            f"{'histogram' if histogram else 'statistics'}.{'reset' if reset else 'read'}",
            monitor=monitor,
            **({} if histogram else asked),
        )
    if settings().json:
        print_json({"histograms": found} if isinstance(found, list) else found)
    elif reset:
        click.echo(f"{found['reset']} {'histograms' if histogram else 'methods'} begin anew")
    elif histogram:
        print_table([name.upper() for name in FIGURES], [[one[name] for name in FIGURES] for one in found])
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
