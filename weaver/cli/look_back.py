"""``weaver look-back``: the marks of calls that were kept."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from weaver.cli.client import connect
from weaver.cli.output import clean, common_options, print_json, print_table, settings


@click.group("look-back")
@common_options
def look_back() -> None:
    """Show which way a call took that has failed; the monitor CallMarks leaves the marks."""


@look_back.command("ls")
@common_options
def list_() -> None:
    """List the calls whose marks are kept."""
    with connect(settings().target) as server:
        found = server.call("look_back.list")
    if settings().json:
        print_json(found)
        return
    print_table(
        ["AT", "CALL", "NAMES", "MARKS", "REASON"],
        [[_when(one["at"]), one["call"], one["names"] or "-", one["marks"], one["reason"]] for one in found["calls"]],
    )
    dropped = found["statistics"]["kept_dropped"]
    if dropped:
        click.echo(f"{dropped} more were dropped for want of room", err=True)


@look_back.command()
@click.argument("call", metavar="CALL")
@common_options
def show(call: str) -> None:
    """Show the marks of a call, by its key or Call-ID."""
    with connect(settings().target) as server:
        found = server.call("look_back.show", call=call)
    if settings().json:
        print_json(found)
        return
    click.echo("  ".join(clean(found[key]) for key in ("call", "names", "reason") if found[key]))
    print_table(
        ["AT", "AFTER_MS", "MARK", "DETAIL"],
        [[_when(one["at"]), f"{one['after_ns'] / 1e6:.3f}", one["word"], one["detail"]] for one in found["marks"]],
    )


@look_back.command()
@click.argument("call", metavar="CALL")
@click.option("--reason", default="asked for", metavar="TEXT", help="What is shown as the reason.")
@common_options
def keep(call: str, reason: str) -> None:
    """Keep the marks of a call that lives, by its key."""
    with connect(settings().target) as server:
        found = server.call("look_back.keep", call=call, reason=reason)
    if settings().json:
        print_json(found)
    else:
        click.echo(f"{clean(found['call'])} is kept, {len(found['marks'])} marks so far")


@look_back.command()
@common_options
def clear() -> None:
    """Drop the marks that are kept."""
    with connect(settings().target) as server:
        found = server.call("look_back.clear")
    if settings().json:
        print_json(found)
    else:
        click.echo(f"{found['cleared']} calls were dropped")


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().isoformat(timespec="milliseconds")
