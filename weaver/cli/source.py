"""What the offline commands read: the packages that are meant, and the named pointcuts of ``instrumentation.toml``.

A command imports this when it runs, not when it is listed or asks a running program.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from weaver.cli.client import USAGE, ClientError
from weaver.cli.output import clean
from weaver.cli.where import FILE
from weaver.errors import PointcutSyntaxError
from weaver.offline.files import find_sources
from weaver.offline.scan import Scan, scan
from weaver.pointcut.named import parse_named
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.shadow import Kind


class Instrumentation(NamedTuple):
    """What the offline commands need of the file."""

    prefixes: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    named: Mapping[str, Pointcut] = {}


def read_instrumentation(path: Path) -> Instrumentation:
    """Read the file; what is wrong in it is for ``weaver check`` to say.

    Errors: ClientError for a file that is no TOML.
    """
    values = read_toml(path) if path.exists() else {}
    weaving = _table(values.get("weaving"))
    named, _ = parse_named(_texts(values.get("pointcuts")))
    return Instrumentation(_names(weaving.get("prefixes")), _names(weaving.get("exclude")), named)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Errors: ClientError.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClientError(f"{path}: cannot be read: {error}", USAGE) from error


def parse_expression(text: str, named: Mapping[str, Pointcut]) -> Pointcut:
    """Parse an expression of the command line.

    Errors: ClientError.
    """
    try:
        return parse_pointcut(text, named)
    except PointcutSyntaxError as error:
        raise ClientError(str(error), USAGE) from error


def read_shadows(where: Sequence[str], instrumentation: Instrumentation, kinds: frozenset[Kind]) -> Scan:
    """Read the packages that are meant, by default the prefixes of the file.

    Errors: ClientError when there is none of that name.
    """
    exclude = () if where else instrumentation.exclude
    meant = where or instrumentation.prefixes
    if not meant:
        raise ClientError("no packages to read", USAGE, f"name some, or write [weaving] prefixes into {FILE}")
    try:
        files = dict.fromkeys(one for what in meant for one in find_sources(what, exclude=exclude))
    except LookupError as error:
        raise ClientError(str(error), USAGE) from error
    return scan(files, sorted(kinds))


def report_faults(faults: Sequence[str]) -> None:
    """Say which files could not be read."""
    for fault in faults:
        click.echo(f"weaver: {clean(fault)}", err=True)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {name: text for name, text in _table(value).items() if isinstance(text, str)}


def _names(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
