"""TraceElapsedTimeAction: an event before and one after, the second with the time between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaver.api import Invocation


class TraceElapsedTimeAction:
    """Measures the joinpoint.

    Units: ``elapsed_ns`` nanoseconds.
    """

    name = "TraceElapsedTimeAction"
    around = True

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Do nothing: this is an around action."""
        del invocation
        return None

    def enter(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the beginning."""
        del invocation
        return {}

    def leave(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the end, with the elapsed time."""
        found: dict[str, Any] = {"elapsed_ns": invocation.elapsed_ns}
        if invocation.error is not None:
            found["error"] = type(invocation.error).__name__
        return found
