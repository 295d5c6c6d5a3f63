"""The error tree of the weaver."""

from __future__ import annotations

from collections.abc import Sequence

EXCERPT = 80
"""How many characters of a long expression an error shows before what is at fault, and as many behind."""


class WeaverError(Exception):
    """Root of all errors that the weaver raises."""


class InstrumentationConfigError(WeaverError):
    """Every fault of ``instrumentation.toml``, together.

    Shape: ``faults`` is a list of ``file:line: key.path: reason``.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class ExpressionSyntaxError(WeaverError):
    """An expression that cannot be read.

    Shape: ``column`` counts from 1, over all lines of the text; ``str()`` has the expression or the part of a long one
    that is at fault, on one line, a caret below the column, and a hint.
    """

    def __init__(self, text: str, column: int, expected: str, hint: str = "") -> None:
        start = max(0, column - EXCERPT) if len(text) > 2 * EXCERPT else 0
        excerpt = "".join(" " if one.isspace() else one for one in text[start : start + 2 * EXCERPT])
        lines = [f"column {column}: expected {expected}", f"  {excerpt}", "  " + " " * (column - start - 1) + "^"]
        super().__init__("\n".join([*lines, f"  {hint}"] if hint else lines))
        self.text = text
        self.column = column
        self.expected = expected
        self.hint = hint


class PointcutSyntaxError(ExpressionSyntaxError):
    """A pointcut that cannot be read."""


class QuerySyntaxError(ExpressionSyntaxError):
    """A query over events that cannot be read."""


class ArchiveError(WeaverError):
    """An archive of events that cannot be read; says which and why."""


class PluginError(WeaverError):
    """A plugin that does not keep to ``weaver.api``; names it."""


class UnknownNameError(WeaverError):
    """A monitor, action, flag or method that does not exist; says which are near."""


class InvalidAttributeError(WeaverError):
    """An attribute of a monitor that cannot have that value."""


class WeaveError(WeaverError):
    """A joinpoint that cannot be woven; it stays as it is."""

    def __init__(self, module: str, joinpoint: str, reason: str) -> None:
        super().__init__(f"{module}:{joinpoint}: {reason}")
        self.module = module
        self.joinpoint = joinpoint
        self.reason = reason


def describe_error(error: BaseException) -> str:
    """Return what another's code raised, in one line: class, message, and where it came up."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
    return f"{type(error).__name__}: {error}{place}"


class WeavingBusyError(WeaverError):
    """Another thread is weaving; it may be tried again."""
