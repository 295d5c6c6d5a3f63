"""CountAction: counts the passes, and does nothing else."""

from __future__ import annotations

from weaver.api import ActionKind, Compiled, Invocation, JoinPoint


class CountAction:
    """Lets the monitor count: its ``fired`` is the count; before or after, no event."""

    name = "CountAction"
    kind: ActionKind = "stateless"

    def run(self, invocation: Invocation) -> None:
        """Do nothing: the pass is counted."""

    enter = leave = run

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return nothing to call: the woven code counts."""
        del joinpoint
        return Compiled()
