"""Logging_*_Record: the program writes to its log, whether the line is then kept or not."""

from __future__ import annotations

from monitors.family import Family, calls, register_all
from weaver.api import Plugins

FAMILIES = (
    Family(
        "Logging_*_Record",
        "application",
        "a line is given to the program's log",
        calls("Logger+.{debug,info,warning,error,exception,critical,log}"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
