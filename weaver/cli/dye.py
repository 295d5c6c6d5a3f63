"""``weaver dye``: rules that give a dye to whatever they match, and to the rest of its call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.duration import format_seconds, seconds_option
from weaver.cli.monitor import reason_option
from weaver.cli.output import clean, common_options, print_json, print_table, settings


@click.group()
@common_options
def dye() -> None:
    """Dye callers, addresses, headers ...: monitors whose mask has the dye's name act for these messages only."""


@dye.command()
@click.argument("kind")
@click.argument("value")
@click.option("--name", default="", metavar="NAME", help="The dye; rules may share one. Else it gets one of its own.")
@click.option("--ttl", callback=seconds_option, metavar="10m", help="How long the rule lives: 90s, 10m, 1h30m, 2d.")
@click.option("--hits", type=click.IntRange(1), metavar="N", help="How many messages end it.")
@reason_option
@common_options
def add(kind: str, value: str, name: str, ttl: float | None, hits: int | None, reason: str) -> None:
    """Add a rule: `weaver dye add caller sip:alice@example.com`; it counts from the next message on."""
    bounds = {key: bound for key, bound in (("ttl", ttl), ("hits", hits)) if bound is not None}
    with connect(settings().target) as server:
        rule = server.call("dye.add", kind=kind, value=value, name=name, reason=reason, **bounds)
    if settings().json:
        print_json(rule)
        return
    click.echo(f"rule {rule['id']}: {clean(rule['kind'])} {clean(rule['value'])} is dyed {clean(rule['name'])}")
    _remark(rule)


@dye.command("ls")
@common_options
def list_() -> None:
    """List the rules, and how many names are left."""
    with connect(settings().target) as server:
        found = server.call("dye.list")
    if settings().json:
        print_json(found)
        return
    print_table(["ID", "NAME", "KIND", "VALUE", "HITS", "LEFT", "REASON"], [_row(rule) for rule in found["rules"]])
    room, named = found["width"] - found["flags"], found["named"]
    held = sum(1 for holders in named.values() if holders)
    click.echo(f"{held} of {room} named dyes are held", err=True)
    _remark(found)


@dye.command("rm")
@click.argument("which", metavar="ID|NAME")
@reason_option
@common_options
def remove(which: str, reason: str) -> None:
    """Take a rule away, or all that share a name; calls that it has dyed lose the dye."""
    with connect(settings().target) as server:
        found = server.call("dye.remove", which=which, reason=reason)
    if settings().json:
        print_json(found)
        return
    for rule in found["removed"]:
        click.echo(f"rule {rule['id']}: {clean(rule['kind'])} {clean(rule['value'])} is gone, {rule['hits']} hits")


@dye.command("kinds")
@common_options
def kinds() -> None:
    """List the kinds of rules and what they look at."""
    with connect(settings().target) as server:
        found = server.call("dye.kinds")
    if settings().json:
        print_json(found)
        return
    print_table(["KIND", "WHAT IT LOOKS AT"], list(found.items()))


def _remark(found: Mapping[str, Any]) -> None:
    """Say that rules are for nothing while they are put to no message."""
    if not found.get("is_dyeing", True):
        click.echo("no message is dyed while DyeInjection is off: weaver monitor on DyeInjection", err=True)


def _row(rule: Mapping[str, Any]) -> list[object]:
    limit = rule.get("limit")
    hits = f"{rule['hits']}/{limit}" if limit else rule["hits"]
    left = "-" if rule.get("ttl") is None else format_seconds(rule["ttl"])
    return [rule["id"], rule["name"], rule["kind"], rule["value"], hits, left, rule.get("reason") or "-"]
