"""The options by which offline commands are told what to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

FILE = "instrumentation.toml"
Command = TypeVar("Command", bound=Callable[..., Any])


def source_options(command: Command) -> Command:
    """Give a command the packages to read and ``--instrumentation``."""
    command = click.argument("where", nargs=-1, metavar="[PATH_OR_PACKAGE]...")(command)
    return click.option(
        "--instrumentation",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=FILE,
        show_default=True,
        help="Where the default packages and the named pointcuts stand.",
    )(command)
