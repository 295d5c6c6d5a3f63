"""TraceMemoryAllocationAction: events before and after, the second with the memory that is in use since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitors.actions.traced_memory import TracedMemory, allocated_since, traced_bytes
from weaver.api import ActionKind, Invocation


class TraceMemoryAllocationAction:
    """Measures by how many bytes Python's memory grew in the joinpoint.

    It is the growth of the whole process: what was given back is taken off, and what other greenlets took while this
    one waited is in it. Tracing is on while a monitor with this action is.
    Units: ``allocated_bytes`` bytes.
    """

    name = "TraceMemoryAllocationAction"
    kind: ActionKind = "around"

    def __init__(self, memory: TracedMemory) -> None:
        self._memory = memory

    def switch_on(self, monitor: str) -> None:
        """Begin to trace."""
        self._memory.begin(self.name, monitor)

    def switch_off(self, monitor: str) -> None:
        """End it, if nobody else needs it."""
        self._memory.end(self.name, monitor)

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the beginning."""
        invocation.state = traced_bytes()
        return {}

    def leave(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the end, with the growth."""
        found: dict[str, Any] = {"allocated_bytes": allocated_since(invocation.state)}
        if invocation.error is not None:
            found["error"] = type(invocation.error).__name__
        return found
