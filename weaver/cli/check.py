"""``weaver check``: every fault and every lint of an ``instrumentation.toml``; nothing of the program is imported.

With ``--plugins`` the plugins of the file judge it too, in a process of their own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weaver.cli.client import NEGATIVE, TIMED_OUT, USAGE, ClientError
from weaver.cli.output import clean, common_options, print_json, settings
from weaver.cli.where import FILE

if TYPE_CHECKING:
    from weaver.cli.source import Instrumentation
    from weaver.pointcut.lint import Lint
    from weaver.pointcut.nodes import Pointcut

NEED_NO_PROPERTY = ("PROTOCOL_", "DYE_", "CONNECTOR")
"""How flags begin that are set from the message itself or by the program."""
JUDGE_SECONDS = 60.0
MOST = 500
"""From how many joinpoints on a pointcut is remarked upon."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=FILE)
@click.option("--hot", multiple=True, metavar="NAME", help="A function on a hot path; may be a pattern and come again.")
@click.option("--plugins", is_flag=True, help="Have the plugins judge names and values, too: they are imported.")
@click.option("--most", type=click.IntRange(1), default=MOST, show_default=True, help="How many joinpoints are fine.")
@common_options
def check(file: Path, hot: Sequence[str], plugins: bool, most: int) -> None:
    """Read an instrumentation file and say all that is wrong or unlikely to be meant.

    Exit code 0 when there is nothing to say, 1 when there are remarks, 2 when the file is at fault.
    """
    from weaver.cli.source import read_instrumentation, read_toml, report_faults

    values = read_toml(file)
    faults = _faults_of_plugins(file) if plugins else _faults(file)
    lints: list[Lint] = []
    unreadable: list[str] = []
    if not faults:
        instrumentation = read_instrumentation(file)
        lints, unreadable = _lint(values, instrumentation, hot, most)
    if settings().json:
        print_json({"faults": faults, "lints": [lint._asdict() for lint in lints], "unreadable": unreadable})
    else:
        for fault in faults:
            click.echo("\n".join(map(clean, fault.splitlines())))
        for lint in lints:
            click.echo(f"{file}: {clean(lint.subject)}: {lint.code}: {clean(lint.text)}")
        report_faults(unreadable)
    click.get_current_context().exit(USAGE if faults else NEGATIVE if lints else 0)


def _faults(file: Path) -> list[str]:
    from weaver.config import load_instrumentation  # pydantic, which no other command needs
    from weaver.errors import InstrumentationConfigError

    try:
        load_instrumentation(file)
    except InstrumentationConfigError as error:
        return list(error.faults)
    return []


def _faults_of_plugins(file: Path) -> list[str]:
    """Return what is said by a process that loads the plugins and ends.

    Errors: ClientError.
    """
    import subprocess  # slow to import, and for this only

    command = [sys.executable, "-m", "weaver.run", "--check", "--instrumentation", str(file)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=JUDGE_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ClientError(f"{file}: the plugins do not load within {JUDGE_SECONDS:g} s", TIMED_OUT) from error
    if ended.returncode not in {0, USAGE}:
        raise ClientError(f"{file}: cannot be judged: {ended.stderr.strip()}", NEGATIVE)
    return re.split(r"\n(?=\S)", ended.stderr.strip("\n")) if ended.returncode else []


def _lint(
    values: Mapping[str, Any], instrumentation: Instrumentation, hot: Sequence[str], most: int
) -> tuple[list[Lint], list[str]]:
    """Return the lints of all monitors, and which files could not be read."""
    from weaver.cli.source import read_shadows
    from weaver.dye_mask import required_names
    from weaver.pointcut.lint import lint_location, lint_mask, lint_names, lint_selection
    from weaver.pointcut.needs import ALL_KINDS
    from weaver.pointcut.selection import select

    monitors: Mapping[str, Any] = values.get("monitors", {})
    pointcuts = dict(_pointcuts(monitors, instrumentation.named))
    lints: list[Lint] = []
    for name, monitor in monitors.items():
        required = required_names(_mask_of(monitor))
        lints += lint_mask(name, required, _settable(values, frozenset().union(*required)))
    if not pointcuts or not instrumentation.prefixes:
        return lints, []
    scan = read_shadows((), instrumentation, ALL_KINDS)
    for name, pointcut in pointcuts.items():
        selected = select(pointcut, scan.shadows)
        lints += lint_selection(name, pointcut, selected, scan.shadows, hot=hot, most=most)
        lints += lint_location(name, pointcut, monitors[name].get("location", "before"))
        lints += lint_names(name, pointcut, scan.program.aliases)
    return lints, scan.faults


def _pointcuts(monitors: Mapping[str, Any], named: Mapping[str, Pointcut]) -> Iterator[tuple[str, Pointcut]]:
    from weaver.pointcut.parser import parse_pointcut

    for name, monitor in monitors.items():
        text = monitor.get("pointcut")
        if isinstance(text, str):
            yield name, parse_pointcut(text, named)


def _mask_of(monitor: Mapping[str, Any]) -> list[str]:
    """Return the mask of a monitor; none where it does not count."""
    mask = monitor.get("dye_mask", []) if monitor.get("dye_filtering", True) else []
    return [mask] if isinstance(mask, str) else mask


def _settable(values: Mapping[str, Any], asked: Collection[str]) -> set[str]:
    """Return the dyes that something sets, a property or rule of the file, and those asked for that need nothing."""
    from weaver.config_faults import dye_names

    properties = {key for monitor in values.get("monitors", {}).values() for key in monitor.get("properties", {})}
    by_property = properties | {key.partition("_")[0] for key in properties if key.startswith("THROTTLE_")}
    return {*by_property, *dye_names(values), *(flag for flag in asked if flag.startswith(NEED_NO_PROPERTY))}
