"""What a pointcut selects of many shadows, as plain values for the client."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from weaver.pointcut.match import could_match, match
from weaver.pointcut.nodes import Call, Execution, Get, Pointcut, Set, WithinCode, children
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.pattern import fits, without_locals
from weaver.pointcut.residue import Residue
from weaver.shadow import Shadow

NEAREST = 3
AnyShadow = TypeVar("AnyShadow", bound=Shadow)


class Selected(NamedTuple):
    """A shadow that is selected, and what must hold at run time."""

    shadow: Shadow
    residue: Residue | None


def select(pointcut: Pointcut, shadows: Iterable[Shadow]) -> list[Selected]:
    """Return what a pointcut selects."""
    modules: dict[str, bool] = {}
    found: list[Selected] = []
    for shadow in shadows:
        possible = modules.get(shadow.module)
        if possible is None:
            possible = modules[shadow.module] = could_match(pointcut, shadow.module)
        if possible and (answer := match(pointcut, shadow)).matched:
            found.append(Selected(shadow, answer.residue))
    return found


def select_text(text: str, shadows: Sequence[Shadow], named: Mapping[str, Pointcut]) -> dict[str, Any]:
    """Return what an expression selects, for the method ``pointcut.match`` of the admin socket.

    Shape: ``pointcut`` in its full spelling, ``shadows`` as ``describe`` gives them, ``nearest`` names when there are
    none.
    Errors: PointcutSyntaxError.
    """
    pointcut = parse_pointcut(text, named)
    found = select(pointcut, shadows)
    near = [] if found else nearest(pointcut, shadows)
    return {"pointcut": str(pointcut), "shadows": [describe(one) for one in found], "nearest": near}


def describe(selected: Selected) -> dict[str, Any]:
    """Return a selected shadow as a plain value."""
    shadow = selected.shadow
    return {
        "kind": shadow.kind,
        "joinpoint": f"{shadow.module}:{shadow.qualname}",
        "name": shadow.name,
        "owner": shadow.owners[0] if shadow.owners else None,
        "file": shadow.filename,
        "line": shadow.line,
        "flags": shadow.flags,
        "when": None if selected.residue is None else str(selected.residue),
    }


def nearest(pointcut: Pointcut, shadows: Iterable[Shadow]) -> list[str]:
    """Return the names among the shadows that come nearest to what a pointcut names."""
    known: dict[str, dict[str, None]] = {}
    for one in shadows:
        name = without_locals(f"{one.module}.{one.qualname}")
        known.setdefault(name.rpartition(".")[2], {})[name] = None
    found: dict[str, None] = {}
    for path, name in members(pointcut):
        if name.strip("*"):
            lasts = [last for last in known if fits(name, last)] or difflib.get_close_matches(name, known, NEAREST)
            names = [one for last in lasts for one in known[last]]
            found.update(dict.fromkeys(difflib.get_close_matches(f"{path}.{name}", names, NEAREST, 0.0)))
    return list(found)[:NEAREST]


def find_by_name(name: str, shadows: Iterable[AnyShadow]) -> list[AnyShadow]:
    """Return the shadows in functions of a name: all of it, or the end of it when there is none of that name."""
    wanted = without_locals(name.replace(":", "."))
    named = [(without_locals(f"{one.module}.{one.qualname}"), one) for one in shadows]
    whole = [one for known, one in named if known == wanted]
    return whole or [one for known, one in named if known.endswith(f".{wanted}")]


def near_names(name: str, shadows: Iterable[Shadow]) -> list[str]:
    """Return the names of functions that come nearest to one."""
    path, _, last = without_locals(name.replace(":", ".")).rpartition(".")
    return nearest(Execution(last, path), shadows)


def asks_subclasses(pointcut: Pointcut) -> bool:
    """Say whether a pointcut has a ``+`` whose answer depends on the bases of a class."""
    return bool(getattr(pointcut, "subclasses", False)) or any(map(asks_subclasses, children(pointcut)))


def members(pointcut: Pointcut) -> Iterator[tuple[str, str]]:
    """Yield path and name of every member that a pointcut names."""
    if isinstance(pointcut, Execution | WithinCode | Call | Get | Set):
        yield pointcut.path, pointcut.name
    for node in children(pointcut):
        yield from members(node)
