"""Frames as text: where they are, nothing of their values."""

from __future__ import annotations

from types import FrameType

WALK = 1_000
"""Frames that are walked at most, so that an endless recursion costs no more."""

_OWN = ("weaver.", "monitors.actions.")


def frames_of(frame: FrameType | None, depth: int) -> tuple[tuple[str, ...], int]:
    """Return the innermost frames as ``module.function (file:line)``, and how many there are beyond."""
    lines: list[str] = []
    walked = 0
    while frame is not None and walked < WALK:
        walked += 1
        if len(lines) < depth:
            lines.append(_line(frame))
        frame = frame.f_back
    return tuple(lines), walked - len(lines)


def without_advice(frame: FrameType | None) -> FrameType | None:
    """Return the first frame that is none of the weaver's or of an action, from the innermost outwards."""
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_OWN):
        frame = frame.f_back
    return frame


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return f"{frame.f_globals.get('__name__')}.{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"
