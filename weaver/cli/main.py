"""``weaver``: the client of the admin socket.

Exit codes: 0 done, 1 refused by the server, 2 usage, 3 no server.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from weaver.cli.client import Client, NoServerError, RemoteError, connect, sockets


@click.group()
@click.option("-t", "--target", help="name, process id or socket of the server")
@click.pass_context
def weaver(context: click.Context, target: str | None) -> None:
    """Look at and change the monitors of a running program."""
    context.obj = target


@weaver.command()
@click.option("--json", "as_json", is_flag=True)
def ps(as_json: bool) -> None:
    """List the programs that run under the weaver here."""
    rows = []
    for path in sockets():
        try:
            client = Client(path)
        except NoServerError:
            continue
        rows.append({"name": path.stem, "pid": client.hello["pid"], "socket": str(path), "argv": client.hello["argv"]})
        client.close()
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['pid']:>7}  {row['socket']}  {' '.join(row['argv'][1:])}")


@weaver.group()
def monitor() -> None:
    """List, show and change monitors."""


@monitor.command("ls")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def monitor_ls(target: str | None, as_json: bool) -> None:
    """List the monitors."""
    found = _call(target, "monitor.list")
    if as_json:
        click.echo(json.dumps(found))
        return
    for row in found:
        counters = row["counters"]
        state = "on " if row["enabled"] else "off"
        mask = ",".join(row["dye_mask"]) if row["dye_filtering"] else "(no filter)"
        click.echo(
            f"{state} {row['name']:<44} {row['scope']:<12} {len(row['joinpoints']):>3} joinpoints  "
            f"fired {counters['fired']:<6} {','.join(row['actions'])} {mask} {row['notice']}".rstrip()
        )


@monitor.command("show")
@click.argument("name")
@click.pass_obj
def monitor_show(target: str | None, name: str) -> None:
    """Show everything of one monitor."""
    click.echo(json.dumps(_call(target, "monitor.get", name=name), indent=2))


@monitor.command("on")
@click.argument("name")
@click.pass_obj
def monitor_on(target: str | None, name: str) -> None:
    """Switch a monitor on."""
    _changed(_call(target, "monitor.set", name=name, attributes={"enabled": True}))


@monitor.command("off")
@click.argument("name")
@click.pass_obj
def monitor_off(target: str | None, name: str) -> None:
    """Switch a monitor off; the original code runs again."""
    _changed(_call(target, "monitor.set", name=name, attributes={"enabled": False}))


@monitor.command("set")
@click.argument("name")
@click.option("--mask", help="dye flags that a message must have, with commas; empty for none")
@click.option("--filtering/--no-filtering", default=None, help="whether the mask counts")
@click.option("--actions", help="actions, with commas")
@click.option("--property", "properties", multiple=True, metavar="NAME=VALUE", help="in place of all properties")
@click.option("--on/--off", "enabled", default=None)
@click.pass_obj
def monitor_set(
    target: str | None,
    name: str,
    mask: str | None,
    filtering: bool | None,
    actions: str | None,
    properties: tuple[str, ...],
    enabled: bool | None,
) -> None:
    """Change a monitor while it runs."""
    attributes: dict[str, Any] = {}
    if mask is not None:
        attributes["dye_mask"] = _list(mask)
    if filtering is not None:
        attributes["dye_filtering"] = filtering
    if actions is not None:
        attributes["actions"] = _list(actions)
    if properties:
        pairs = [text.partition("=") for text in properties]
        if any(not equals for _, equals, _ in pairs):
            raise click.UsageError("--property takes NAME=VALUE")
        attributes["properties"] = {key: value for key, _, value in pairs}
    if enabled is not None:
        attributes["enabled"] = enabled
    if not attributes:
        raise click.UsageError("nothing to set: give --mask, --filtering, --actions, --property or --on")
    _changed(_call(target, "monitor.set", name=name, attributes=attributes))


@weaver.command()
@click.option("--monitor", "name", help="only the events of this monitor")
@click.option("-n", "--count", type=click.IntRange(min=1), help="end after so many events")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def tail(target: str | None, name: str | None, count: int | None, as_json: bool) -> None:
    """Show events as they come."""
    client = connect(target)
    client.call("event.subscribe", **({"monitor": name} if name else {}))
    seen = 0
    for message in client.events():
        if message["method"] != "event":
            click.echo(f"{message['method']}: {message['params']}", err=True)
            continue
        event = message["params"]
        click.echo(json.dumps(event) if as_json else _event_line(event))
        seen += 1
        if seen == count:
            break
    client.close()


def _event_line(event: dict[str, Any]) -> str:
    facts = event["context_payload"] or {}
    what = " ".join(str(facts[key]) for key in ("method", "status") if facts.get(key))
    payload = {key: value for key, value in (event["payload"] or {}).items() if value not in (None, [])}
    where = f"{event['class_name']}.{event['method']}" if event["class_name"] else event["method"]
    shown = [event["context_id"] or "-", event["monitor"], where, what, " ".join(event["arguments"] or ())]
    return "  ".join(part for part in (*shown, " ".join(f"{k}={v}" for k, v in payload.items())) if part)


def _call(target: str | None, method: str, **parameters: object) -> Any:
    client = connect(target)
    try:
        return client.call(method, **parameters)
    finally:
        client.close()


def _changed(status: dict[str, Any]) -> None:
    state = "on" if status["enabled"] else "off"
    click.echo(f"{status['name']}: {state}, {len(status['joinpoints'])} joinpoints")
    if status["enabled"] and not status["joinpoints"]:
        click.echo("warning: its pointcut matches nothing that is loaded", err=True)
    for failure in status["failures"]:
        click.echo(f"warning: not woven: {failure}", err=True)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def main() -> None:
    """Run the client."""
    try:
        weaver(prog_name="weaver")
    except NoServerError as error:
        click.echo(str(error), err=True)
        sys.exit(3)
    except RemoteError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
