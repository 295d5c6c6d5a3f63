"""What a pointcut asks for before any shadow is looked at: kinds, modules, names, flows.

A pointcut that names no kind of joinpoint selects executions: ``within(apps)`` is every function of ``apps``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from weaver.pointcut.nodes import (
    And,
    Call,
    Cflow,
    Execution,
    Get,
    Handler,
    Initialization,
    Not,
    Or,
    Pointcut,
    Set,
    Within,
    WithinCode,
    children,
)
from weaver.pointcut.pattern import fits, may_lie_in
from weaver.shadow import Kind

ALL_KINDS: frozenset[Kind] = frozenset({"execution", "call", "handler", "get", "set"})
_EXECUTION: frozenset[Kind] = frozenset({"execution"})
_KINDS: dict[type[Pointcut], Kind] = {
    Execution: "execution",
    Initialization: "execution",
    Call: "call",
    Handler: "handler",
    Get: "get",
    Set: "set",
}


_PLAIN_NAME = re.compile(r"\w+|\{\w+(,\w+)*\}")
"""A name, or several in braces, without a sign that stands for others."""


@lru_cache(maxsize=1024)
def needs(pointcut: Pointcut) -> frozenset[Kind]:
    """Return the kinds of shadow that a pointcut can select."""
    if isinstance(pointcut, Or):
        return frozenset().union(*map(needs, pointcut.operands))
    return _possible(pointcut) & (_named(pointcut) or _EXECUTION)


def could_match(pointcut: Pointcut, module: str) -> bool:
    """Say whether a pointcut can select anything in a module; a no is sure, a yes is not."""
    if isinstance(pointcut, And):
        return all(could_match(one, module) for one in pointcut.operands)
    if isinstance(pointcut, Or):
        return any(could_match(one, module) for one in pointcut.operands)
    if isinstance(pointcut, Within):
        return pointcut.subclasses or may_lie_in(pointcut.path, module, below=True)
    if isinstance(pointcut, Execution | WithinCode):
        return pointcut.subclasses or not pointcut.path or may_lie_in(pointcut.path, module)
    return True


@lru_cache(maxsize=1024)
def names(pointcut: Pointcut) -> frozenset[str] | None:
    """Return the patterns of which a shadow's name must fit one to be selected, None when it may be any."""
    if isinstance(pointcut, And):
        found = [one for one in map(names, pointcut.operands) if one is not None]
        return min(found, key=len, default=None)
    if isinstance(pointcut, Or):
        either = [names(one) for one in pointcut.operands]
        return None if None in either else frozenset().union(*(one for one in either if one is not None))
    if not isinstance(pointcut, Execution | Call | Get | Set) or not pointcut.name.strip("*"):
        return None
    is_plain = _PLAIN_NAME.fullmatch(pointcut.name)
    return frozenset(pointcut.name.strip("{}").split(",") if is_plain else (pointcut.name,))


@lru_cache(maxsize=1024)
def name_test(patterns: frozenset[str] | None) -> Callable[[str], bool]:
    """Return what says of a name whether it fits one of some patterns; None stands for any name."""
    if patterns is None:
        return lambda _: True
    plain = frozenset(one for one in patterns if _PLAIN_NAME.fullmatch(one))
    others = patterns - plain
    return plain.__contains__ if not others else lambda name: name in plain or any(fits(one, name) for one in others)


def tells_by_name(pointcut: Pointcut) -> bool:
    """Say whether a pointcut asks for nothing but the names of modules, classes and functions."""
    if isinstance(pointcut, And | Or | Not):
        return all(map(tells_by_name, children(pointcut)))
    if isinstance(pointcut, Within):
        return not pointcut.subclasses
    if isinstance(pointcut, Execution | WithinCode):
        return not pointcut.subclasses and pointcut.parameters.is_anything and pointcut.returns.pattern == "*"
    return False


def flows(pointcut: Pointcut) -> tuple[Pointcut, ...]:
    """Return the pointcuts inside every ``cflow``, each once, inner ones before those around them."""
    found: dict[Pointcut, None] = {}
    for node in children(pointcut):
        found.update(dict.fromkeys(flows(node)))
    if isinstance(pointcut, Cflow):
        found[pointcut.pointcut] = None
    return tuple(found)


def _possible(pointcut: Pointcut) -> frozenset[Kind]:
    """Return the kinds that the tests of a pointcut let pass."""
    if isinstance(pointcut, And):
        return ALL_KINDS.intersection(*map(_possible, pointcut.operands))
    if isinstance(pointcut, Or):
        return frozenset().union(*map(_possible, pointcut.operands))
    kind = _KINDS.get(type(pointcut))
    return ALL_KINDS if kind is None else frozenset({kind})


def _named(pointcut: Pointcut) -> frozenset[Kind]:
    """Return the kinds that a pointcut names as wanted."""
    if isinstance(pointcut, Not | Cflow):
        return frozenset()
    below = children(pointcut)
    if below:
        return frozenset().union(*map(_named, below))
    kind = _KINDS.get(type(pointcut))
    return frozenset() if kind is None else frozenset({kind})
