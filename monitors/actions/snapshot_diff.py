"""SnapshotDiffAction: what a call has changed in its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pydantic import Field

from monitors.actions.snapshot import ITEMS, MISSING, Snapshot, compare, follow, take
from weaver.api import ActionKind, Invocation, Names, Properties


class SnapshotProperties(Properties):
    """What two snapshots are taken of."""

    watch: Names = Field(
        default=frozenset(), description="paths, `argument.attribute...`, that are compared; empty: every argument"
    )
    show: Names = Field(default=frozenset(), description="paths, or last names of paths, whose text may be seen")
    always: bool = Field(default=False, description="whether an event is emitted when nothing has changed, too")


class SnapshotDiffAction:
    """Compares a snapshot of arguments before the joinpoint with one after it, and shows what has changed.

    A snapshot has what is stored directly in each watched value, at most 100 entries; text is hidden as anywhere.
    """

    name = "SnapshotDiffAction"
    kind: ActionKind = "around"
    Properties = SnapshotProperties

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Take the first snapshot."""
        invocation.state = _take(invocation)

    def leave(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Take the second one, and emit what differs."""
        before: Any = invocation.state
        if before is None:
            return None
        changed = compare(before, _take(invocation))
        if not changed and not invocation.properties_as(SnapshotProperties).always:
            return None
        shown = dict(islice(changed.items(), ITEMS))
        return {"changed": shown, "changed_left_out": len(changed) - len(shown)}


def _take(invocation: Invocation) -> Snapshot:
    properties = invocation.properties_as(SnapshotProperties)
    return take(_watched(invocation.named(), properties.watch), properties.show)


def _watched(arguments: Mapping[str, object], paths: frozenset[str]) -> Iterator[tuple[str, object]]:
    for path in sorted(paths or arguments)[:ITEMS]:
        first, *names = path.split(".")
        if first in arguments:
            value = follow(arguments[first], names[:8])
            if value is not MISSING:
                yield path, value
