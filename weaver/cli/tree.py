"""``weaver events tree``: all that happened in one diagnostic context, on one node or several, as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from weaver.call_tree import Branch, NodePart, as_json, build_tree, walk
from weaver.cli.client import NEGATIVE, ClientError
from weaver.cli.output import clean, common_options, print_json, settings
from weaver.cli.records import Record, Wanted, read_archive, read_records

SHOWN_ELSEWHERE = frozenset({"phase", "dyes", "elapsed_ns", "error"})
MESSAGE = ("method", "status")


@click.command()
@click.argument("context_id")
@click.option("--archive", "archives", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Read this file; may be given several times, one for each node.")  # fmt: skip
@click.option("--also", "others", multiple=True, metavar="NAME|PID|SOCKET", help="Ask this server, too; several times.")
@click.option("--ring", is_flag=True, help="The servers' memory, even if they have archives.")
@common_options
def tree(context_id: str, archives: Sequence[Path], others: Sequence[str], ring: bool) -> None:
    """Show what ran inside what for CONTEXT_ID, how long (ns, % of what it is inside), and on which node.

    Times come from monitors with TraceElapsedTimeAction; all other events stand where they happened.
    """
    roots = build_tree(_records(context_id, archives, others, ring=ring))
    if not roots:
        raise ClientError(
            f"there are no events of the context {context_id!r}", NEGATIVE, "weaver tail shows context ids"
        )
    if settings().json:
        print_json({"context_id": context_id, "nodes": [as_json(root) for root in roots]})
        return
    for depth, what in walk(roots):
        click.echo("  " * depth + (_node_line(what) if isinstance(what, NodePart) else _line(what)))


def _records(context_id: str, archives: Sequence[Path], others: Sequence[str], *, ring: bool) -> Iterator[Record]:
    quoted = context_id.replace("\\", "\\\\").replace("'", "''")
    wanted = Wanted(f"CONTEXTID = '{quoted}'")
    for archive in archives:
        yield from read_archive(wanted, archive)
    if not archives:
        yield from read_records(wanted, None, ring=ring)
    for other in others:
        yield from read_records(wanted, None, ring=ring, target=other)


def _node_line(part: NodePart) -> str:
    whence = f" (message {part.parent} from {part.sender or 'an unknown node'})" if part.parent else ""
    return clean(f"{part.node or 'this node'}{whence}")


def _line(branch: Branch) -> str:
    record = branch.record
    owner = str(record.get("class_name") or record.get("module") or "").rpartition(".")[2]
    parts = [f"{owner}.{record.get('method')}", str(record.get("monitor"))]
    if branch.elapsed_ns is not None:
        parts.insert(0, f"{branch.elapsed_ns:,} ns")
    if branch.percent is not None:
        parts.insert(1, f"{branch.percent:g} %")
    if branch.is_open:
        parts.insert(0, "(no beginning)" if branch.elapsed_ns is not None else "(no end)")
    facts = record.get("context_payload") or {}
    parts += [str(facts[name]) for name in MESSAGE if facts.get(name) is not None]
    parts += _said(record.get("payload") or {})
    if branch.error is not None:
        parts.append(f"error={branch.error}")
    return "  ".join(map(clean, parts))


def _said(payload: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in payload.items() if key not in SHOWN_ELSEWHERE]
