"""How commands speak: options that all have, tables, and text that cannot harm a terminal."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(slots=True)
class Settings:
    """What the options of the whole command say."""

    target: str | None = None
    json: bool = False
    color: str = "auto"


def common_options(command: Command) -> Command:
    """Give a command ``-t`` and ``--json``; they may stand before and behind the command's name."""
    for option in (
        click.option(
            "-t", "--target", metavar="NAME|PID|SOCKET", expose_value=False, callback=_store, help="Which server."
        ),
        click.option("--json", is_flag=True, default=None, expose_value=False, callback=_store, help="Print JSON."),
    ):
        command = option(command)
    return command


def settings() -> Settings:
    """Return what the options of the running command say."""
    return click.get_current_context().ensure_object(Settings)


def print_json(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns; in colour and with a ruled head on a terminal, else plain text for other programs."""
    cells = [[clean(cell) for cell in row] for row in rows]
    color = settings().color
    if color == "never" or not (color == "always" or sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for line in [columns, *cells]:
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in cells:
        table.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    Console(force_terminal=True if color == "always" else None).print(table)


def clean(value: object) -> str:
    """Return a value as text on one line: control characters, which may come from a peer, are shown and not obeyed."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), _text(value))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return "" if value is None else str(value)


@functools.cache
def _style(cell: str) -> str:
    return {"on": "green", "off": "dim"}.get(cell, "")


def _store(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is not None and option.name is not None:
        setattr(context.ensure_object(Settings), option.name, value)
