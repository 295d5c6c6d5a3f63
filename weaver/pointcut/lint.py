"""What is probably not meant: remarks on a pointcut that can be read but will disappoint.

A lint is a value; nothing here stops anything. What a rule must know of the program is an argument.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import NamedTuple

from weaver.pointcut.nodes import Cflow, Execution, Pointcut, Raises, children
from weaver.pointcut.pattern import fits, without_locals
from weaver.pointcut.selection import Selected, nearest
from weaver.shadow import Shadow

CODES = {
    "matches-nothing": "no joinpoint is selected",
    "matches-many": "more joinpoints are selected than somebody can want",
    "hot-path": "a joinpoint is selected that the program calls hot",
    "generator": "before and after mean something else at a generator or coroutine",
    "c-function": "the body of a function written in C cannot be woven",
    "alias": "a name is used that is bound to a function of another module",
    "flag-without-injector": "the dye mask asks for a flag that nothing sets",
    "raises-before": "what is raised is asked before anything can be raised",
}

_STEPS = {
    "generator": "before runs at its first step and after when it ends, not when it is called",
    "coroutine": "before runs when it is first awaited and after when it ends, not when it is called",
    "async_generator": "before runs at its first step and after when it ends, not when it is called",
}
_C_FUNCTIONS = (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    WrapperDescriptorType,
)


class Lint(NamedTuple):
    """A remark.

    Shape: ``code`` is one of ``CODES``; ``subject`` is the monitor or named pointcut that it is about.
    """

    code: str
    text: str
    subject: str


def lint_selection(
    subject: str,
    pointcut: Pointcut,
    selected: Sequence[Selected],
    shadows: Iterable[Shadow],
    *,
    most: int,
    hot: Collection[str] = (),
) -> Iterator[Lint]:
    """Remark on what a pointcut selects.

    Shape: ``shadows`` are all that there are; ``hot`` are patterns of dotted names.
    """
    if not selected:
        near = nearest(pointcut, shadows)
        hint = f"; near are {', '.join(near)}" if near else ""
        yield Lint("matches-nothing", f"{pointcut} selects nothing{hint}", subject)
    if len(selected) > most:
        yield Lint("matches-many", f"{pointcut} selects {len(selected)} joinpoints, more than {most}", subject)
    steps: dict[str, list[str]] = {}
    for shadow, _ in selected:
        name = without_locals(f"{shadow.module}.{shadow.qualname}")
        if any(fits(pattern, name) for pattern in hot):
            yield Lint("hot-path", f"{name} is on a hot path", subject)
        if shadow.kind == "execution" and shadow.flags in _STEPS:
            steps.setdefault(shadow.flags, []).append(name)
    for flags, names in steps.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        kind = flags.replace("_", " ")
        yield Lint("generator", f"{names[0]}{more}: {kind}; {_STEPS[flags]}", subject)


def lint_location(subject: str, pointcut: Pointcut, location: str) -> Iterator[Lint]:
    """Remark on ``raises`` where nothing can have been raised."""
    if location == "before" and _asks_raises(pointcut):
        yield Lint("raises-before", "raises() is never true with the location before; use after or around", subject)


def lint_mask(subject: str, required: Iterable[frozenset[str]], settable: Collection[str]) -> Iterator[Lint]:
    """Remark on flags without which a mask cannot hold and that nothing sets.

    Shape: ``required`` has the flags of each alternative of the mask.
    """
    missing = [flags.difference(settable) for flags in required]
    if all(missing):
        for flag in sorted(frozenset().union(*missing)):
            yield Lint("flag-without-injector", f"nothing sets the dye flag {flag}: the monitor will not fire", subject)


def lint_names(
    subject: str,
    pointcut: Pointcut,
    aliases: Mapping[str, str],
) -> Iterator[Lint]:
    """Remark on names in ``execution`` whose body lies elsewhere or nowhere.

    Shape: ``aliases`` are other dotted names of functions, each with the function's own.
    """
    for node in _executions(pointcut):
        name = f"{node.path}.{node.name}"
        if not node.path or any(sign in name for sign in "*{") or ".." in name:
            continue
        if is_c_function(name):
            text = f"{name} is written in C and cannot be woven at its execution; use call(* {name}(..))"
            yield Lint("c-function", text, subject)
        elif name in aliases:
            yield Lint("alias", f"{name} is another name of {aliases[name]}; write that", subject)


def is_c_function(name: str) -> bool:
    """Say whether a dotted name is a function written in C; no module is imported for it."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:end]))
        if module is not None:
            found: object = module
            for part in parts[end:]:
                found = inspect.getattr_static(found, part, None)
            return isinstance(found, _C_FUNCTIONS)
    spec = PathFinder.find_spec(parts[0])
    return spec is not None and (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES))


def _asks_raises(pointcut: Pointcut) -> bool:
    if isinstance(pointcut, Cflow):
        return False
    return isinstance(pointcut, Raises) or any(map(_asks_raises, children(pointcut)))


def _executions(pointcut: Pointcut) -> Iterator[Execution]:
    if isinstance(pointcut, Execution):
        yield pointcut
    for node in children(pointcut):
        yield from _executions(node)
