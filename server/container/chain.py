"""The application chain: applications are asked in command-line order, each may pass a second leg to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from server.container.deployment import ANY, Application
from server.servlet.sip_servlet import SipServlet


class Target(NamedTuple):
    """The servlet that serves an initial request, and where its application stands in the chain."""

    position: int
    application: Application
    name: str
    servlet: SipServlet


class Chain:
    """The deployed applications, in order."""

    def __init__(self, applications: Sequence[Application]) -> None:
        self._applications = tuple(applications)
        self._positions = {application.name: position for position, application in enumerate(applications)}

    def select(self, method: str, position: int = 0) -> Target | None:
        """Return the first servlet at or behind ``position`` that serves initial requests of that method."""
        for at, application in enumerate(self._applications[position:], position):
            mapping = application.sip_mapping
            name = mapping.get(method) or mapping.get(ANY)
            if name is not None:
                return Target(at, application, name, application.sip_servlets[name])
        return None

    def position_of(self, application: str) -> int:
        """Return the place of an application.

        Errors: KeyError when it is not deployed.
        """
        return self._positions[application]

    def servlet(self, application: str, name: str) -> SipServlet:
        """Return a deployed servlet.

        Errors: KeyError when it is not deployed.
        """
        return self._applications[self._positions[application]].sip_servlets[name]

    def main_servlet(self, application: str) -> str:
        """Return the name of an application's first SIP servlet.

        Errors: KeyError when the application is not deployed or has none.
        """
        return next(iter(self._applications[self._positions[application]].sip_servlets), "")
