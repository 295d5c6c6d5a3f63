"""``weaver match``: what a pointcut selects, in source that is read and not run, or in a running program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weaver.cli.client import NEGATIVE, connect
from weaver.cli.output import clean, common_options, print_json, print_table, settings
from weaver.cli.where import source_options

if TYPE_CHECKING:
    from weaver.offline.scan import SourceShadow
    from weaver.pointcut.nodes import Pointcut


@click.command()
@click.argument("expression")
@source_options
@click.option("--live", is_flag=True, help="Ask the running program instead of reading source.")
@common_options
def match(expression: str, where: Sequence[str], file: Path, live: bool) -> None:
    """List the joinpoints that a pointcut selects.

    Exit code 0 when there are some, 1 when there is none, 2 when the expression cannot be read.
    """
    found = _ask(expression) if live else _read(expression, where, file)
    if settings().json:
        print_json(found)
    else:
        _show(found)
    click.get_current_context().exit(0 if found["shadows"] else NEGATIVE)


def _ask(expression: str) -> dict[str, Any]:
    with connect(settings().target) as server:
        found: dict[str, Any] = server.call("pointcut.match", expression=expression)
    return found


def _read(expression: str, where: Sequence[str], file: Path) -> dict[str, Any]:
    from weaver.cli.source import parse_expression, read_instrumentation, read_shadows
    from weaver.pointcut.needs import needs
    from weaver.pointcut.selection import describe, nearest, select

    instrumentation = read_instrumentation(file)
    pointcut = parse_expression(expression, instrumentation.named)
    scan = read_shadows(where, instrumentation, needs(pointcut))
    selected = select(pointcut, scan.shadows)
    return {
        "pointcut": str(pointcut),
        "shadows": [describe(one) for one in selected],
        "nearest": [] if selected else nearest(pointcut, scan.shadows),
        "unread": _unread(pointcut, scan.shadows),
        "faults": scan.faults,
    }


def _unread(pointcut: Pointcut, shadows: Sequence[SourceShadow]) -> list[str]:
    """Return the bases that were not read, for a pointcut that asks for subclasses: more may match when loaded."""
    from weaver.pointcut.selection import asks_subclasses

    if not asks_subclasses(pointcut):
        return []
    return sorted({base for shadow in shadows for base in shadow.unread})


def _show(found: Mapping[str, Any]) -> None:
    rows = [
        (
            one["kind"],
            one["joinpoint"],
            "" if one["kind"] == "execution" else one["name"],
            f"{one['file']}:{one['line']}",
            one["when"] or "",
        )
        for one in found["shadows"]
    ]
    if rows:
        print_table(["KIND", "JOINPOINT", "NAME", "PLACE", "WHEN"], rows)
    else:
        near = f"; near are {', '.join(found['nearest'])}" if found["nearest"] else ""
        click.echo(f"weaver: {clean(found['pointcut'])} selects nothing{clean(near)}", err=True)
    if found.get("unread"):
        bases = clean(", ".join(found["unread"]))
        click.echo(f"weaver: known when loaded: what comes from bases that were not read: {bases}", err=True)
    for fault in found.get("faults", ()):
        click.echo(f"weaver: {clean(fault)}", err=True)
