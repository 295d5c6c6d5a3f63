"""The methods ``pointcut.match`` and ``pointcut.explain`` over what is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from weaver.management.rpc import UNKNOWN_NAME, RpcError
from weaver.pointcut.explain import explain
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.pointcut.selection import find_by_name, near_names, select_text
from weaver.shadow import Shadow


class ShadowSource(Protocol):
    """What the methods need of the registry."""

    def shadows(self, pointcut: Pointcut) -> list[Shadow]:
        """Return the shadows of all modules, of the kinds that a pointcut can select."""
        ...


class PointcutMethods:
    """``pointcut.match`` and ``pointcut.explain`` over what is loaded."""

    def __init__(self, registry: ShadowSource, named: Mapping[str, Pointcut]) -> None:
        self._registry = registry
        self._named = named

    def match(self, expression: str) -> Any:
        """Return what an expression selects, as ``select_text`` does.

        Errors: PointcutSyntaxError.
        """
        pointcut = parse_pointcut(expression, self._named)
        return select_text(expression, self._registry.shadows(pointcut), self._named)

    def explain(self, expression: str, name: str) -> Any:
        """Return for each shadow in a function of a name which part of an expression says yes or no.

        Errors: PointcutSyntaxError; RpcError, with the names that are near.
        """
        pointcut = parse_pointcut(expression, self._named)
        shadows = self._registry.shadows(pointcut)
        found = find_by_name(name, shadows)
        if not found:
            hint = "pointcut.match has the names"
            near = near_names(name, shadows)
            raise RpcError(UNKNOWN_NAME, f"no function {name!r} is loaded", hint=hint, did_you_mean=near)
        return [{"joinpoint": one.id, **explain(pointcut, one).as_json()} for one in found]
