"""ThreadDumpAction: where every thread and every greenlet is."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import compress, islice
from time import monotonic
from types import FrameType
from typing import Any

from pydantic import Field

from monitors.actions.frames import frames_of, without_advice
from weaver.api import ActionKind, Invocation, Properties

STACKS = 20
"""Different stacks that one dump shows, those that most are at first."""

GREENLETS = 10_000
"""Greenlets that one dump looks at."""


MONITORS = 1_000
"""Monitors of which it is known when they dumped last."""


class DumpLimits(Properties):
    """How much is shown, and how often."""

    depth: int = Field(default=10, ge=1, le=20, description="frames: of each stack, the innermost ones")
    interval: float = Field(default=10.0, ge=0.1, le=3600, description="seconds: between two dumps of one monitor")


class ThreadDumpAction:
    """Shows where all threads and greenlets are, those at the same place together; nothing of their values.

    To find the greenlets every object that the garbage collector knows is looked at, which takes 10 ms and more in a
    large program: so there is at most one dump in an interval.
    """

    name = "ThreadDumpAction"
    kind: ActionKind = "stateless"
    Properties = DumpLimits
    hang_ms = 1_000

    def __init__(self) -> None:
        self._dumped: dict[str, float] = {}

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Emit the dump, unless there was one just now."""
        limits, now = invocation.properties_as(DumpLimits), monotonic()
        if now - self._dumped.get(invocation.monitor, -limits.interval) < limits.interval:
            return None
        if len(self._dumped) >= MONITORS:
            self._dumped.clear()
        self._dumped[invocation.monitor] = now
        threads = [frames_of(without_advice(frame), limits.depth) for frame in sys._current_frames().values()]
        greenlets = [frames_of(frame, limits.depth) for frame in islice(_suspended(), GREENLETS)]
        stacks = Counter([*(("thread", *one) for one in threads), *(("greenlet", *one) for one in greenlets)])
        shown = [
            {"count": count, "of": kind, "frames": list(frames), "frames_left_out": left_out}
            for (kind, frames, left_out), count in stacks.most_common(STACKS)
        ]
        return {
            "threads": len(threads),
            "greenlets": len(greenlets),
            "stacks": shown,
            "stacks_left_out": len(stacks) - len(shown),
        }

    enter = leave = run


def _suspended() -> Iterator[FrameType]:
    """Yield the frames of all greenlets that wait; those that run are the threads' own."""
    module = sys.modules.get("greenlet")
    if module is None:
        return
    kinds = set(map(id, _with_subclasses(module.greenlet)))  # no class is asked whether it is one of them
    known = gc.get_objects()
    for one in compress(known, map(kinds.__contains__, map(id, map(type, known)))):
        frame = one.gr_frame
        if frame is not None:
            yield frame


def _with_subclasses(kind: type) -> Iterator[type]:
    yield kind
    below: list[type] = type.__subclasses__(kind)
    for one in below:
        yield from _with_subclasses(one)
