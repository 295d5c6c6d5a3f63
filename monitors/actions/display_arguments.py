"""DisplayArgumentsAction: the arguments, or after the joinpoint the result; text is hidden unless it is marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaver.api import Invocation, show


class DisplayArgumentsAction:
    """Shows values; a monitor's property ``show`` lists the parameters (or ``result``) whose text may be seen."""

    name = "DisplayArgumentsAction"
    around = False

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit arguments, or the result once there is one."""
        allowed = frozenset(str(invocation.properties.get("show", "")).replace(",", " ").split())
        names = [parameter.name for parameter in invocation.shadow.parameters]
        arguments = [
            f"{name}={show(value, allowed=name in allowed, name=name)}"
            for name, value in zip(names, invocation.arguments, strict=False)
        ]
        if invocation.error is not None:
            return {"arguments": arguments, "error": type(invocation.error).__name__}
        return {"arguments": arguments, "result": show(invocation.result, allowed="result" in allowed)}

    enter = leave = run
