"""The error tree of the weaver."""

from __future__ import annotations

from collections.abc import Sequence


class WeaverError(Exception):
    """Root of all errors that the weaver raises."""


class InstrumentationConfigError(WeaverError):
    """Every fault of ``instrumentation.toml``, together.

    Shape: ``faults`` is a list of ``file:line: key.path: reason``.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class PointcutSyntaxError(WeaverError):
    """A pointcut that cannot be read.

    Shape: ``column`` counts from 1; ``str()`` has the expression, a caret below the column, and a hint.
    """

    def __init__(self, text: str, column: int, expected: str, hint: str = "") -> None:
        lines = [f"column {column}: expected {expected}", f"  {text}", "  " + " " * (column - 1) + "^"]
        super().__init__("\n".join([*lines, f"  {hint}"] if hint else lines))
        self.text = text
        self.column = column
        self.expected = expected
        self.hint = hint


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
