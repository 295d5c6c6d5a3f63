"""StackDumpAction: the stack at the joinpoint."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from monitors.actions.frames import frames_of, without_advice
from weaver.api import ActionKind, Invocation, Properties


class StackDepth(Properties):
    """How much of the stack is shown."""

    depth: int = Field(default=20, ge=1, le=20, description="frames: the innermost ones that are shown")


class StackDumpAction:
    """Shows the stack at the joinpoint: where each frame is, nothing of its values."""

    name = "StackDumpAction"
    kind: ActionKind = "stateless"
    Properties = StackDepth

    def run(self, invocation: Invocation) -> Mapping[str, Any]:
        """Emit the frames, the innermost first, and how many more there are."""
        depth = invocation.properties_as(StackDepth).depth
        frames, left_out = frames_of(without_advice(sys._getframe()), depth)
        return {"frames": list(frames), "frames_left_out": left_out}

    enter = leave = run
