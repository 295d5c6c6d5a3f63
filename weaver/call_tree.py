"""The call tree of one diagnostic context, made of its events: what ran inside what, how long, and on which node.

An elapsed-time action emits an event before and one after its joinpoint; what lies between the two, on the same node
and thread, is inside. All other events are leaves. A message that goes to another node has an id: there it is the fact
``parent`` of all that it starts, here the fact ``hop`` of what sent it, and below that hangs what happened there. The
clocks of two nodes are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Record = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Branch:
    """One thing that happened.

    Shape: ``is_open`` says that a beginning has no end, or an end no beginning; ``parts`` is what it started on other
    nodes.
    Units: ``elapsed_ns`` nanoseconds, None for a moment or when it is not known; ``percent`` of what it is inside.
    """

    record: Record
    is_open: bool = False
    elapsed_ns: int | None = None
    percent: float | None = None
    error: str | None = None
    below: list[Branch] = field(default_factory=list)
    parts: list[NodePart] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class NodePart:
    """What one message started on one node.

    Shape: ``parent`` is the message's id and ``sender`` the node that it came from, where another node sent it.
    """

    node: str
    parent: str | None = None
    sender: str | None = None
    branches: list[Branch] = field(default_factory=list)


def build_tree(records: Iterable[Record]) -> list[NodePart]:
    """Return the tree of the records of one context, from one or several nodes, whatever their order; its roots."""
    once = {(str(record.get("server") or ""), int(record.get("record_id") or 0)): record for record in records}
    shares: dict[tuple[str, str | None], list[Record]] = {}
    for (node, _), record in sorted(once.items(), key=lambda one: one[0][1]):
        shares.setdefault((node, _fact(record, "parent")), []).append(record)
    senders: dict[str, tuple[NodePart, Branch]] = {}
    parts = [_part(key, share, senders) for key, share in shares.items()]
    above = {id(part): senders[part.parent] for part in parts if part.parent in senders}
    for part in parts:
        if id(part) in above and not _is_above(part, above[id(part)][0], above):
            above[id(part)][1].parts.append(part)
        else:
            above.pop(id(part), None)
    return sorted((part for part in parts if id(part) not in above), key=_began)


def walk(roots: Iterable[NodePart], depth: int = 0) -> Iterator[tuple[int, NodePart | Branch]]:
    """Yield everything in the tree with its depth, top down."""
    for part in roots:
        yield depth, part
        yield from _walk_branches(part.branches, depth + 1)


def as_json(part: NodePart) -> dict[str, Any]:
    """Return a part of the tree as plain values."""
    branches = [_branch_json(branch) for branch in part.branches]
    return {"node": part.node, "sender": part.sender, "parent": part.parent, "branches": branches}


def _walk_branches(branches: Iterable[Branch], depth: int) -> Iterator[tuple[int, NodePart | Branch]]:
    for branch in branches:
        yield depth, branch
        yield from _walk_branches(branch.below, depth + 1)
        yield from walk(branch.parts, depth + 1)


def _branch_json(branch: Branch) -> dict[str, Any]:
    return {
        "record": dict(branch.record),
        "elapsed_ns": branch.elapsed_ns,
        "percent": branch.percent,
        "error": branch.error,
        "open": branch.is_open,
        "branches": [_branch_json(below) for below in branch.below],
        "nodes": [as_json(part) for part in branch.parts],
    }


def _part(
    key: tuple[str, str | None], records: Iterable[Record], senders: dict[str, tuple[NodePart, Branch]]
) -> NodePart:
    """Build the part of one share of the records; add what has sent messages to ``senders``."""
    part = NodePart(*key)
    running: dict[str, list[Branch]] = {}
    for record in records:
        branch = _placed(part, running.setdefault(str(record.get("thread")), []), record)
        part.sender = part.sender or (_fact(record, "node") if part.parent else None)
        hop = _fact(record, "hop")
        if hop is not None:
            senders.setdefault(hop, (part, branch))
    for branch in part.branches:
        _share(branch)
    return part


def _placed(part: NodePart, stack: list[Branch], record: Record) -> Branch:
    """Put a record where it belongs; ``stack`` is what runs in its thread. Return its branch."""
    payload = record.get("payload") or {}
    is_end = payload.get("phase") == "after" and isinstance(payload.get("elapsed_ns"), int)
    at = next((at for at in reversed(range(len(stack))) if _same_place(stack[at].record, record)), None)
    if is_end and at is not None:
        branch = stack[at]
        del stack[at:]  # with all that was begun inside and has no end
    else:
        branch = Branch(record)
        (stack[-1].below if stack else part.branches).append(branch)
        if payload.get("phase") == "before" and _is_timed(record):
            stack.append(branch)
    branch.is_open = _is_timed(record) and not (is_end and at is not None)
    branch.error = payload.get("error")
    branch.elapsed_ns = payload["elapsed_ns"] if is_end else None
    return branch


def _share(branch: Branch) -> None:
    for below in branch.below:
        if branch.elapsed_ns and below.elapsed_ns is not None:
            below.percent = round(100 * below.elapsed_ns / branch.elapsed_ns, 1)
        _share(below)


def _began(part: NodePart) -> int:
    return int(part.branches[0].record.get("timestamp") or 0)


def _is_timed(record: Record) -> bool:
    return str(record.get("type")).endswith("ElapsedTimeAction")


def _same_place(one: Record, other: Record) -> bool:
    return all(
        one.get(name) == other.get(name) for name in ("type", "monitor", "module", "class_name", "method", "line")
    )


def _fact(record: Record, name: str) -> str | None:
    found = (record.get("context_payload") or {}).get(name)
    return None if found is None else str(found)


def _is_above(part: NodePart, other: NodePart, above: Mapping[int, tuple[NodePart, Branch]]) -> bool:
    """Say whether a part is another one, or that one hangs below it: forged ids could make a ring."""
    at: NodePart | None = other
    for _ in range(len(above) + 1):
        if at is part:
            return True
        at = above[id(at)][0] if id(at) in above else None
        if at is None:
            return False
    return True
