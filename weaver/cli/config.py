"""``weaver config``: check, compare, show and take instrumentation files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from weaver.cli.check import check
from weaver.cli.client import NEGATIVE, USAGE, ClientError, connect
from weaver.cli.output import clean, common_options, print_json, print_table, settings
from weaver.cli.where import FILE

SCHEMA = Path(__file__).parent.parent / "instrumentation.schema.json"
WORDS = {"add": "new monitor", "remove": "monitor goes", "restart": "needs a restart"}


@click.group()
@common_options
def config() -> None:
    """Check, compare, show and take instrumentation files."""


config.add_command(check)


@config.command()
@click.option("--reason", default="", metavar="TEXT", help="Why, for the server's audit log.")
@common_options
def reload(reason: str) -> None:
    """Have the server take its file as it is now, all of it or nothing."""
    with connect(settings().target) as server:
        result = server.call("config.reload", reason=reason)
    if settings().json:
        print_json(result)
        return
    click.echo(f"{clean(result['path'])} is taken")
    _print_changes(result["changes"])


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=FILE)
@common_options
def diff(file: Path) -> None:
    """Show what would change if FILE were the server's file; exit code 1 when anything would."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClientError(f"{file}: cannot be read: {error}", USAGE) from error
    with connect(settings().target) as server:
        changes = server.call("config.diff", text=text, name=str(file))["changes"]
    if settings().json:
        print_json({"changes": changes})
    else:
        _print_changes(changes)
    click.get_current_context().exit(NEGATIVE if changes else 0)


@config.command()
@click.argument("prefix", default="")
@common_options
def show(prefix: str) -> None:
    """Show every value in effect, or those whose keys begin with PREFIX, and where each comes from."""
    with connect(settings().target) as server:
        found = server.call("config.show")
    values = [one for one in found["values"] if one["key"].startswith(prefix)]
    if settings().json:
        print_json({"path": found["path"], "values": values})
        return
    print_table(["KEY", "VALUE", "SOURCE"], [(one["key"], _shown(one["value"]), one["source"]) for one in values])


@config.command()
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where it goes.")
@common_options
def schema(output: Path | None) -> None:
    """Print the JSON schema of instrumentation files; an editor finds it by a first line `#:schema FILE`."""
    text = SCHEMA.read_text(encoding="utf-8")
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)


@config.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="TOML", help="Where it goes.")
@common_options
def import_(file: Path, output: Path | None) -> None:
    """Turn the original product's weblogic-diagnostics.xml into monitors of an instrumentation file.

    What has no meaning here is told with its line and the reason, and stands on top of what is made.
    """
    from weaver.weblogic import read_descriptor
    from weaver.weblogic_toml import format_imported

    try:
        imported = read_descriptor(file.read_bytes())
    except OSError as error:
        raise ClientError(f"{file}: cannot be read: {error}", USAGE) from error
    except ValueError as error:
        raise ClientError(f"{file}: {error}", USAGE) from error
    text = format_imported(imported, file.name)
    if output is not None:
        write_file(output, text)
    if settings().json:
        print_json({"monitors": imported.monitors, "remarks": imported.remarks})
        return
    if output is None:
        click.echo(text, nl=False)
    for remark in imported.remarks:
        click.echo(clean(f"{file}: {remark}"), err=True)


def write_file(path: Path, text: str) -> None:
    """Write what a command made.

    Errors: ClientError.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ClientError(f"{path}: cannot be written: {error}", NEGATIVE) from error


def _print_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    if not changes:
        click.echo("nothing has changed")
    for change in changes:
        what = [WORDS[change["kind"]]] if change["kind"] in WORDS else []
        if change["kind"] in {"set", "restart"}:
            what.insert(0, f"{_shown(change['old'])} -> {_shown(change['new'])}")
        if change["live"] is not None:
            what.append(f"changed meanwhile to {_shown(change['live'])}")
        click.echo(f"{clean(change['key'])}: {', '.join(what)}")


def _shown(value: object) -> str:
    return clean(value) or "-"
