"""``weaver changes`` and ``weaver undo``: what was changed while the server runs, and taking it back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.duration import format_seconds
from weaver.cli.output import clean, common_options, print_json, print_table, settings

SHOWN = 60
"""Characters of what a change did."""


@click.command()
@common_options
def changes() -> None:
    """List what clients have changed, the oldest first; the server's audit log has who it was."""
    with connect(settings().target) as server:
        found = server.call("change.list")
    if settings().json:
        print_json({"changes": found})
        return
    rows = [
        (one["id"], _time(one["at"]), one["monitor"], _what(one), _state(one), clean(one["reason"]) or "-")
        for one in found
    ]
    print_table(["ID", "TIME", "MONITOR", "CHANGE", "STATE", "REASON"], rows)


@click.command()
@click.argument("number", type=int, required=False)
@common_options
def undo(number: int | None) -> None:
    """Take back change NUMBER, or the last one; what has been changed since stays as it is."""
    with connect(settings().target) as server:
        change = server.call("change.undo", **({} if number is None else {"id": number}))
    if settings().json:
        print_json(change)
        return
    click.echo(f"change {change['id']} of {clean(change['monitor'])} is taken back")
    if change["left"]:
        click.echo(f"changed since, and left: {clean(change['left'])}", err=True)


def _what(change: Mapping[str, Any]) -> str:
    if change["kind"] != "set":
        return {"add": "added", "remove": "removed"}[change["kind"]]
    before = change["before"]
    parts = (f"{key}: {clean(before.get(key)) or '-'} -> {clean(new) or '-'}" for key, new in change["after"].items())
    text = ", ".join(parts)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _state(change: Mapping[str, Any]) -> str:
    if change["undone"]:
        return f"taken back, {change['undone']}"
    if change["until"] is None:
        return "holds"
    return f"for another {format_seconds(max(0.0, change['until'] - time.time()))}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(sep=" ", timespec="seconds")
