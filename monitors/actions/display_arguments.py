"""DisplayArgumentsAction: the arguments, or after the joinpoint the result; text is hidden unless it is marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from weaver.api import ActionKind, Invocation, Names, Properties, show


class ShownNames(Properties):
    """Whose text may be seen."""

    show: Names = Field(default=frozenset(), description="parameters, or `result`, whose text may be seen")


class DisplayArgumentsAction:
    """Shows arguments, or the result; text only of what a ``%`` in the pointcut or the property ``show`` marks."""

    name = "DisplayArgumentsAction"
    kind: ActionKind = "stateless"
    Properties = ShownNames

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the arguments, and once the joinpoint has ended its result or error."""
        allowed = invocation.properties_as(ShownNames).show
        arguments = shown_arguments(invocation, allowed)
        if invocation.error is not None:
            return {"arguments": arguments, "error": type(invocation.error).__name__}
        if not invocation.has_ended:
            return {"arguments": arguments}
        return {"arguments": arguments, "result": shown_result(invocation, allowed)}

    enter = leave = run


def shown_arguments(invocation: Invocation, allowed: frozenset[str]) -> list[str]:
    """Return ``name=value`` of every argument, as much as may be seen of it."""
    names = [parameter.name for parameter in invocation.shadow.parameters]
    return [
        f"{name}={show(value, allowed=name in allowed or invocation.may_show(at), name=name)}"
        for at, (name, value) in enumerate(zip(names, invocation.arguments, strict=False))
    ]


def shown_result(invocation: Invocation, allowed: frozenset[str]) -> str:
    """Return as much of the result as may be seen of it."""
    return show(invocation.result, allowed="result" in allowed or invocation.joinpoint.shown.result)
