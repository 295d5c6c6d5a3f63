"""``weaver explain``: which part of a pointcut said no."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weaver.cli.client import NEGATIVE, USAGE, ClientError
from weaver.cli.output import clean, common_options, print_json, settings
from weaver.cli.where import source_options

if TYPE_CHECKING:
    from weaver.shadow import Kind, Shadow


@click.command()
@click.argument("expression")
@click.argument("name")
@source_options
@common_options
def explain(expression: str, name: str, where: Sequence[str], file: Path) -> None:
    """Say for a function, and the places in it, how each part of a pointcut answers.

    NAME is module:function as weaver match prints it, or the end of it. Before each part stands + for yes, - for no, ?
    for known at run time.

    Exit code 0 when something is selected, 1 when nothing is, 2 when the expression cannot be read or there is no such
    name.
    """
    from weaver.cli.source import parse_expression, read_instrumentation, read_shadows, report_faults
    from weaver.pointcut.explain import explain as explain_shadow
    from weaver.pointcut.needs import needs
    from weaver.pointcut.selection import find_by_name, near_names

    instrumentation = read_instrumentation(file)
    pointcut = parse_expression(expression, instrumentation.named)
    kinds = needs(pointcut)
    execution: frozenset[Kind] = frozenset({"execution"})
    scan = read_shadows(where, instrumentation, kinds | execution)
    found = find_by_name(name, scan.shadows)
    if not found:
        near = near_names(name, scan.shadows)
        hint = f"did you mean {' or '.join(near)}?" if near else "weaver match lists names"
        raise ClientError(f"there is no function {name!r}", USAGE, hint)
    asked = [one for one in found if one.kind in kinds] or found
    explained = [(shadow, explain_shadow(pointcut, shadow)) for shadow in asked]
    if settings().json:
        joinpoints = [{**_place(shadow), **explanation.as_json()} for shadow, explanation in explained]
        print_json({"pointcut": str(pointcut), "joinpoints": joinpoints, "faults": scan.faults})
    else:
        for shadow, explanation in explained:
            of = "" if shadow.kind == "execution" else f" of {clean(shadow.name)} in"
            click.echo(f"{shadow.kind}{of} {shadow.module}:{shadow.qualname}, {clean(shadow.filename)}:{shadow.line}")
            for line in explanation.lines(1):
                click.echo(clean(line))
        report_faults(scan.faults)
    is_selected = any(explanation.answer != "no" for _, explanation in explained)
    click.get_current_context().exit(0 if is_selected else NEGATIVE)


def _place(shadow: Shadow) -> dict[str, object]:
    return {
        "kind": shadow.kind,
        "joinpoint": f"{shadow.module}:{shadow.qualname}",
        "name": shadow.name,
        "file": shadow.filename,
        "line": shadow.line,
    }
