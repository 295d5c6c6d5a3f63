"""Which values at a shadow a pointcut marks with ``%``: those may be shown."""

from __future__ import annotations

from typing import NamedTuple

from weaver.pointcut.match import decide
from weaver.pointcut.nodes import And, Call, Execution, Or, Pointcut
from weaver.shadow import Shadow


class Shown(NamedTuple):
    """What may be shown.

    Shape: ``arguments`` are places in the shadow's ``parameters``, for a call site places among the arguments.
    """

    arguments: frozenset[int] = frozenset()
    result: bool = False


NOTHING = Shown()


def shown(pointcut: Pointcut, shadow: Shadow) -> Shown:
    """Return what a pointcut marks, by those of its parts that select the shadow."""
    if isinstance(pointcut, And | Or):
        parts = [shown(one, shadow) for one in pointcut.operands if decide(one, shadow).matched]
        return Shown(frozenset().union(*(one.arguments for one in parts)), any(one.result for one in parts))
    if not isinstance(pointcut, Execution | Call) or not decide(pointcut, shadow).matched:
        return NOTHING
    values, present = pointcut.parameters.values, shadow.parameters
    without_self = isinstance(pointcut, Execution) and bool(present) and present[0].name in {"self", "cls"}
    shift = int(without_self and not (values and values[0].pattern == present[0].name))
    return Shown(frozenset(at + shift for at, one in enumerate(values) if one.shown), pointcut.returns.shown)
