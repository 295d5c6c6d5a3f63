"""TraceAction: one event for each pass, with nothing of the values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaver.api import ActionKind, Invocation


class TraceAction:
    """Says that the joinpoint was passed, and after it whether it raised."""

    name = "TraceAction"
    kind: ActionKind = "stateless"

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the pass."""
        return {} if invocation.error is None else {"error": type(invocation.error).__name__}

    enter = leave = run
