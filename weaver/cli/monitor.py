"""``weaver monitor``: list, show, switch and change monitors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.duration import format_seconds, seconds_option
from weaver.cli.output import clean, common_options, print_json, print_table, settings

reason_option = click.option("--reason", default="", metavar="TEXT", help="Why, for the server's audit log.")
ttl_option = click.option(
    "--ttl", callback=seconds_option, metavar="TIME", help="For so long only: 90s, 10m, 1h30m; then it is taken back."
)

LIBRARY = ("name", "scope", "kind", "location")
"""What of a monitor never changes."""


@click.group()
@common_options
def monitor() -> None:
    """List monitors, switch them, change them; what is changed holds from the next message on."""


@monitor.command("ls")
@click.option("--library", is_flag=True, help="Show what each is and which actions it may have.")
@common_options
def list_(library: bool) -> None:
    """List all monitors."""
    with connect(settings().target) as server:
        monitors = server.call("monitor.list")
    if settings().json:
        print_json({"monitors": monitors})
        return
    if library:
        rows = [[*(one[key] for key in LIBRARY), ",".join(one["compatible_actions"])] for one in monitors]
        print_table([*(key.upper() for key in LIBRARY), "COMPATIBLE ACTIONS"], rows)
        return
    print_table(
        ["NAME", "STATE", "MASK", "POINTS", "FIRED", "ERRORS", "ACTIONS"],
        [_row(status) for status in monitors],
    )
    for status in monitors:
        if status.get("notice"):
            click.echo(f"{clean(status['name'])}: {clean(status['notice'])}", err=True)


@monitor.command()
@click.argument("name")
@common_options
def show(name: str) -> None:
    """Show all there is to know of a monitor."""
    with connect(settings().target) as server:
        status = server.call("monitor.get", name=name)
    if settings().json:
        print_json(status)
        return
    for key, value in status.items():
        if key == "joinpoints" and isinstance(value, list):
            click.echo(f"{key}: {len(value)}")
            for point in value:
                click.echo(f"  {clean(point)}")
        else:
            click.echo(f"{clean(key)}: {clean(value)}".rstrip())


@monitor.command("on")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@ttl_option
@reason_option
@common_options
def switch_on(names: Sequence[str], ttl: float | None, reason: str) -> None:
    """Switch monitors on."""
    _switch(names, ttl, reason, enabled=True)


@monitor.command("off")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@ttl_option
@reason_option
@common_options
def switch_off(names: Sequence[str], ttl: float | None, reason: str) -> None:
    """Switch monitors off."""
    _switch(names, ttl, reason, enabled=False)


@monitor.command("add")
@click.argument("name")
@click.argument("pointcut")
@click.option("--location", type=click.Choice(["before", "after", "around"]), default="before", help="When it acts.")
@click.option("--actions", metavar="ACTION,...", help="What it does.")
@click.option("--mask", metavar="FLAG,...", help="Dye flags that a message must have.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="May be given several times.")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@click.option("--on/--off", "enabled", default=False, help="Switch it as well.")
@ttl_option
@reason_option
@common_options
def add(
    name: str,
    pointcut: str,
    location: str,
    actions: str | None,
    mask: str | None,
    properties: Sequence[str],
    description: str,
    enabled: bool,
    ttl: float | None,
    reason: str,
) -> None:
    """Add a monitor of your own to the running program; it is gone when the program ends."""
    given: dict[str, Any] = {
        "actions": _names(actions or ""),
        "dye_mask": _names(mask or ""),
        "properties": {key: _value(text, None) for key, text in map(_pair, properties)},
        "enabled": enabled,
    }
    attributes = {key: value for key, value in given.items() if value}
    with connect(settings().target) as server:
        status = server.call(
            "monitor.add",
            name=name,
            pointcut=pointcut,
            location=location,
            description=description,
            attributes=attributes,
            reason=reason,
            **_lasting(ttl),
        )
    if settings().json:
        print_json(status)
        return
    points = len(status.get("joinpoints", ()))
    click.echo(f"{clean(status['name'])} is {_state(status)}, {points} joinpoints{_for_how_long(ttl)}")
    _warn_of_nothing(status)
    for failure in status.get("failures", ()):
        click.echo(f"not woven: {clean(failure)}", err=True)


@monitor.command("rm")
@click.argument("name")
@reason_option
@common_options
def remove(name: str, reason: str) -> None:
    """Take a monitor of your own out of the running program; its advice is out at once."""
    with connect(settings().target) as server:
        status = server.call("monitor.remove", name=name, reason=reason)
    if settings().json:
        print_json(status)
        return
    click.echo(f"{clean(status['name'])} is gone")


@monitor.command("set")
@click.argument("name")
@click.option("--mask", metavar="FLAG,...", help="Dye flags that a message must have; empty for none.")
@click.option("--filtering/--no-filtering", default=None, help="Whether the mask counts.")
@click.option("--actions", metavar="ACTION,...", help="What a delegating or custom monitor does.")
@click.option("--pointcut", metavar="EXPR", help="Where a custom monitor acts.")
@click.option("--location", type=click.Choice(["before", "after", "around"]), help="When a custom monitor acts.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="May be given several times.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--unset", multiple=True, metavar="KEY", help="Take a property away; may be given several times.")
@click.option("--limit", "limits", multiple=True, metavar="KEY=N", help="rate, flood, time_ms, errors or hang_ms.")
@click.option("--on/--off", "enabled", default=None, help="Switch it as well.")
@ttl_option
@reason_option
@common_options
def set_(
    name: str,
    mask: str | None,
    filtering: bool | None,
    actions: str | None,
    pointcut: str | None,
    location: str | None,
    properties: Sequence[str],
    description: str | None,
    unset: Sequence[str],
    limits: Sequence[str],
    enabled: bool | None,
    ttl: float | None,
    reason: str,
) -> None:
    """Change a monitor: all that is given together, or nothing if one part is wrong."""
    attributes = {
        "dye_mask": None if mask is None else _names(mask),
        "dye_filtering": filtering,
        "actions": None if actions is None else _names(actions),
        "pointcut": pointcut,
        "location": location,
        "description": description,
        "enabled": enabled,
    }
    given: dict[str, Any] = {key: value for key, value in attributes.items() if value is not None}
    tables = {"properties": dict(map(_pair, properties)), "limits": dict(map(_pair, limits))}
    if not given and not any(tables.values()) and not unset:
        raise click.UsageError("nothing to set: give at least one option", click.get_current_context())
    with connect(settings().target) as server:
        present = server.call("monitor.get", name=name) if unset or any(tables.values()) else {}
        for attribute, pairs in tables.items():
            taken = unset if attribute == "properties" else ()
            if pairs or taken:
                old = present.get(attribute, {})
                wanted = old | {key: _value(text, old.get(key)) for key, text in pairs.items()}
                given[attribute] = {key: value for key, value in wanted.items() if key not in taken}
        changed = server.call("monitor.set", name=name, attributes=given, reason=reason, **_lasting(ttl))
    if settings().json:
        print_json(changed)
        return
    click.echo(f"{clean(changed['name'])} is {_state(changed)}{_for_how_long(ttl)}")
    for key, before in changed.get("old", {}).items():
        click.echo(f"{key}: {clean(before) or '-'} -> {clean(changed.get(key)) or '-'}")
    if pointcut is not None or enabled:
        _warn_of_nothing(changed)


def _switch(names: Sequence[str], ttl: float | None, reason: str, *, enabled: bool) -> None:
    with connect(settings().target) as server:
        changed = [
            server.call("monitor.set", name=name, attributes={"enabled": enabled}, reason=reason, **_lasting(ttl))
            for name in names
        ]
    if settings().json:
        print_json({"monitors": changed})
        return
    for status in changed:
        points = len(status.get("joinpoints", ()))
        found = f", {points} joinpoints" if enabled else ""
        click.echo(f"{clean(status['name'])} is {_state(status)}{found}{_for_how_long(ttl)}")
        if enabled:
            _warn_of_nothing(status)


def _warn_of_nothing(status: Mapping[str, Any]) -> None:
    if not status.get("joinpoints"):
        click.echo(f"{clean(status['name'])}: its pointcut matches nothing that is loaded", err=True)


def _lasting(ttl: float | None) -> dict[str, float]:
    return {} if ttl is None else {"ttl": ttl}


def _for_how_long(ttl: float | None) -> str:
    return "" if ttl is None else f", for {format_seconds(ttl)}"


def _row(status: Mapping[str, Any]) -> list[object]:
    counters = status.get("counters", {})
    mask = ",".join(status.get("dye_mask", ()))
    return [
        status["name"],
        _state(status),
        f"({mask})" if mask and not status.get("dye_filtering") else mask or "-",
        len(status.get("joinpoints", ())),
        *(counters.get(name, 0) for name in ("fired", "errors")),
        ",".join(status.get("actions", ())) or "-",
    ]


def _state(status: Mapping[str, Any]) -> str:
    return "on" if status.get("enabled") else "off"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", click.get_current_context())
    return key, value


def _value(text: str, present: object) -> object:
    """Return the value of a property: text where it is text now, else a JSON scalar where it reads as one."""
    try:
        read = text if isinstance(present, str) else json.loads(text)
    except ValueError:
        return text
    return text if isinstance(read, list | dict) else read
