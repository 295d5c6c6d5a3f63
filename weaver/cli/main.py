"""The ``weaver`` command: finds the sub-command, runs it, and says what went wrong without a traceback.

A sub-command is imported when it is used. Others can be added: an entry point of the group ``weaver.commands`` names a
click command.

    exit code 0 done, 1 negative answer, 2 usage, 3 no server, 4 refused, 5 timed out, 130 broken off with Ctrl-C
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weaver.cli.client import NEGATIVE, ClientError
from weaver.cli.output import Settings, clean, common_options

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS = {
    "changes": ("weaver.cli.changes:changes", "List what was changed while the server runs."),
    "check": ("weaver.cli.check:check", "Say what is wrong in an instrumentation file."),
    "config": ("weaver.cli.config:config", "Check, compare, show and take instrumentation files."),
    "dye": ("weaver.cli.dye:dye", "Dye callers, addresses, headers for the monitors."),
    "events": ("weaver.cli.events:events", "Query, export and count events; show a call as a tree."),
    "explain": ("weaver.cli.explain:explain", "Say which part of a pointcut says no."),
    "look-back": ("weaver.cli.look_back:look_back", "Show which way a call took that has failed."),
    "match": ("weaver.cli.match:match", "List what a pointcut selects."),
    "monitor": ("weaver.cli.monitor:monitor", "List monitors, switch them, change them."),
    "notices": ("weaver.cli.notices:notices", "Print what the weaver has to tell unasked."),
    "ps": ("weaver.cli.ps:ps", "List the servers that run here."),
    "report": ("weaver.cli.report:report", "Show what was woven in each module."),
    "stats": ("weaver.cli.stats:stats", "Show statistics by class, method and signature."),
    "watch": ("weaver.cli.watch:watch", "Have something done when events or counters say so."),
    "tail": ("weaver.cli.tail:tail", "Print events as they happen."),
    "undo": ("weaver.cli.changes:undo", "Take a change back."),
}
GROUP = "weaver.commands"
COMPLETE = "_WEAVER_COMPLETE"
"""The environment variable by which a shell asks for completion; ``bash_source`` prints the script."""
BROKEN_OFF = 130


class LazyGroup(click.Group):
    """A group that imports a command when it is used; plugins cannot take the name of one of ours."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return sorted({*COMMANDS, *(point.name for point in _plugins())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, None when there is none."""
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        for point in _plugins():
            if point.name == cmd_name:
                return _loaded(point)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; a wrong name is answered by those that are near."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), 3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing ours."""
        rows = [(name, help_) for name, (_, help_) in COMMANDS.items()]
        for point in _plugins():
            if point.name not in COMMANDS:
                try:
                    rows.append((point.name, _loaded(point).get_short_help_str()))
                except ClientError as error:
                    rows.append((point.name, str(error)))
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour and rules in tables."
)
@common_options
@click.pass_context
def cli(context: click.Context, color: str) -> None:
    """Watch and change the monitors of a running server."""
    context.ensure_object(Settings).color = color


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Shape: data go to standard output, all else to standard error; with ``--json`` an error is an object, too.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(arguments)
    except click.ClickException as error:
        _complain(arguments, error.format_message(), _usage_hint(error), error.exit_code)
        return error.exit_code
    except ClientError as error:
        _complain(arguments, str(error), error.hint, error.exit_code, error.code)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return BROKEN_OFF
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("WEAVER_DEBUG"):
            raise
        message = f"this is a fault of the client: {type(error).__name__}: {error}"
        _complain(arguments, message, "WEAVER_DEBUG=1 shows the traceback", NEGATIVE)
        return NEGATIVE


def _run(arguments: list[str]) -> int:
    """Run a command; not by click's own ``main``, which ends the process when the reader of the output goes away."""
    instruction = os.environ.get(COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "weaver", COMPLETE, instruction)
    exit_code = 0
    try:
        with cli.make_context("weaver", arguments) as context:
            cli.invoke(context)
    except click.exceptions.Exit as ended:
        exit_code = ended.exit_code
    sys.stdout.flush()
    return exit_code


def _complain(arguments: Sequence[str], message: str, hint: str, exit_code: int, code: int | None = None) -> None:
    if "--json" in arguments:
        error: dict[str, Any] = {"message": message, "exit_code": exit_code}
        if hint:
            error["hint"] = hint
        if code is not None:
            error["code"] = code
        click.echo(json.dumps({"error": error}), err=True)
        return
    click.echo("weaver: " + "\n".join(map(clean, message.splitlines())), err=True)
    if hint:
        click.echo(f"  {clean(hint)}", err=True)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help shows how it is used" if isinstance(context, click.Context) else ""


def _plugins() -> list[EntryPoint]:
    """Return the commands that other packages bring."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _loaded(point: EntryPoint) -> click.Command:
    """Import a plugin's command.

    Errors: ClientError.
    """
    try:
        command = point.load()
    except Exception as error:
        raise ClientError(f"the command {point.name} ({point.value}) cannot be loaded: {error}", NEGATIVE) from error
    if not isinstance(command, click.Command):
        raise ClientError(f"the command {point.name} ({point.value}) is no click command", NEGATIVE)
    return command


if __name__ == "__main__":
    sys.exit(main())
