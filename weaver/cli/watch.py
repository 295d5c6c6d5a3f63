"""``weaver watch``: rules over events and counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weaver.cli.client import connect
from weaver.cli.duration import seconds_option
from weaver.cli.output import clean, common_options, print_json, print_table, settings


@click.group()
@common_options
def watch() -> None:
    """Have something done when events or counters say so.

    Conditions: `status >= 500`, `elapsed > 200ms`, `rate(MONITOR) > 10/s`, `count(MONITOR.errors) > 0`,
    or a query as `weaver events query` takes it.
    """


@watch.command("ls")
@common_options
def list_() -> None:
    """List all watches."""
    with connect(settings().target) as server:
        found = server.call("watch.list")
    if settings().json:
        print_json(found)
        return
    print_table(
        ["NAME", "STATE", "FIRED", "SILENT", "ACTIONS", "WHEN"],
        [
            [one["name"], _state(one), one["fired"], one["suppressed"], ",".join(one["actions"]), one["when"]]
            for one in found["watches"]
        ],
    )
    for one in found["watches"]:
        if one["notice"]:
            click.echo(f"{clean(one['name'])}: {clean(one['notice'])}", err=True)


@watch.command()
@click.argument("name")
@click.argument("when", metavar="CONDITION")
@click.option("--action", "actions", multiple=True, help="log, notify, dye or look_back; may be given several times.")
@click.option("--severity", type=click.Choice(["info", "warning", "error"]), default="warning", help="How bad it is.")
@click.option(
    "--alarm",
    type=click.Choice(["none", "manual", "automatic"]),
    default="automatic",
    help="Whether it is silent once it has fired: not, until it is reset, or for a while.",
)
@click.option(
    "--reset", callback=seconds_option, default="1m", metavar="TIME", help="How long an automatic one is silent."
)
@click.option("--dye", callback=seconds_option, default="10m", metavar="TIME", help="How long the caller is dyed.")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@common_options
def add(name: str, when: str, actions: tuple[str, ...], **more: object) -> None:
    """Add a watch to the running program; it is gone when the program ends."""
    with connect(settings().target) as server:
        status = server.call("watch.add", name=name, when=when, actions=list(actions) or ["notify"], **more)
    _tell(status)


@watch.command("rm")
@click.argument("name")
@common_options
def remove(name: str) -> None:
    """Take a watch out of the running program."""
    with connect(settings().target) as server:
        status = server.call("watch.remove", name=name)
    if settings().json:
        print_json(status)
    else:
        click.echo(f"{clean(status['name'])} is gone, it has fired {status['fired']} times")


@watch.command("on")
@click.argument("name")
@common_options
def switch_on(name: str) -> None:
    """Switch a watch on."""
    _call("watch.set", name=name, enabled=True)


@watch.command("off")
@click.argument("name")
@common_options
def switch_off(name: str) -> None:
    """Switch a watch off."""
    _call("watch.set", name=name, enabled=False)


@watch.command()
@click.argument("name")
@common_options
def reset(name: str) -> None:
    """End the alarm of a watch, so that it can fire again."""
    _call("watch.reset", name=name)


def _call(method: str, **params: object) -> None:
    with connect(settings().target) as server:
        status = server.call(method, **params)
    _tell(status)


def _tell(status: Mapping[str, Any]) -> None:
    if settings().json:
        print_json(status)
    else:
        click.echo(f"{clean(status['name'])} is {_state(status)}")


def _state(status: Mapping[str, Any]) -> str:
    if not status["enabled"]:
        return "off"
    return "alarmed" if status["alarmed"] else "on"
