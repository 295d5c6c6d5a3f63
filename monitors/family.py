"""Families of delegating monitors: the same joinpoints before, after and around."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weaver.api import Location, MonitorDefinition, Plugins, Scope, parse_pointcut

LOCATIONS: dict[Location, str] = {"before": "before", "after": "after", "around": "before and after"}


@dataclass(frozen=True, slots=True)
class Family:
    """Three monitors.

    Shape: ``name`` has a ``*`` where ``Before``, ``After`` or ``Around`` goes; ``what`` says in words what happens at
    the joinpoints; ``outermost`` as in ``MonitorDefinition``.
    """

    name: str
    scope: Scope
    what: str
    pointcut: str
    outermost: bool = False

    def monitors(self) -> list[MonitorDefinition]:
        """Return the definitions, in the order of ``LOCATIONS``."""
        pointcut = parse_pointcut(self.pointcut)
        return [
            MonitorDefinition(
                self.name.replace("*", location.title()),
                self.scope,
                "delegating",
                location,
                pointcut,
                f"Acts {words} {self.what}.",
                outermost=self.outermost,
            )
            for location, words in LOCATIONS.items()
        ]


def register_all(plugins: Plugins, families: Iterable[Family]) -> None:
    """Contribute the monitors of families."""
    for family in families:
        for definition in family.monitors():
            plugins.monitor(definition)


def executions(*paths: str) -> str:
    """Return the pointcut of the bodies of some functions."""
    return " or ".join(f"execution(* {path}(..))" for path in paths)


def calls(*paths: str) -> str:
    """Return the pointcut of the calls of some functions."""
    return " or ".join(f"call(* {path}(..))" for path in paths)
