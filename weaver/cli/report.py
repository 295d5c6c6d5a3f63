"""``weaver report``: what was inspected, matched, woven and not woven in each module of a running program."""

from __future__ import annotations

import click

from weaver.cli.client import connect
from weaver.cli.output import clean, common_options, print_json, print_table, settings

COLUMNS = ("module", "inspected", "matched", "woven", "aborted", "ms")


@click.command()
@click.argument("module", default="")
@common_options
def report(module: str) -> None:
    """Show what was woven in each module, or in those whose names begin with MODULE."""
    with connect(settings().target) as server:
        found = server.call("weave.report", module=module)
    if settings().json:
        print_json(found)
        return
    modules = found["modules"]
    rows = [[len(one[name]) if name == "aborted" else one[name] for name in COLUMNS] for one in modules]
    print_table([name.upper() for name in COLUMNS], rows)
    if found["reason"]:
        click.echo(f"weaver: woven by {clean(found['engine'])}: {clean(found['reason'])}", err=True)
    for one in modules:
        for joinpoint, reason in one["aborted"].items():
            click.echo(f"{clean(one['module'])}:{clean(joinpoint)}: {clean(reason)}", err=True)
