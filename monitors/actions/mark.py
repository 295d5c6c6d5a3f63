"""MarkAction: leaves a mark in the ring of the call that is worked on."""

from __future__ import annotations

from pydantic import Field

from weaver.api import ActionKind, Invocation, Properties, mark


class MarkProperties(Properties):
    """What is marked."""

    text: str = Field(default="", max_length=64, description="what stands in the mark; empty: the joinpoint")


class MarkAction:
    """Leaves a mark for look back in the ring of the call, which the monitor CallMarks opens; no event."""

    name = "MarkAction"
    kind: ActionKind = "stateless"
    Properties = MarkProperties

    def run(self, invocation: Invocation) -> None:
        """Leave the mark, after the joinpoint with the error, if there is one."""
        shadow = invocation.shadow
        text = invocation.properties_as(MarkProperties).text or f"{shadow.class_name or shadow.module}.{shadow.name}"
        mark(text, "" if invocation.error is None else type(invocation.error).__name__)

    enter = leave = run
