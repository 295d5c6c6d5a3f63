"""Timers of an application; they are kept with the call, so they fire wherever the call is."""

from __future__ import annotations

from typing import Protocol

from server.servlet.sessions import Attribute, SipApplicationSession


class ServletTimer(Protocol):
    """A timer that was set or has just fired."""

    @property
    def id(self) -> str:
        """The id, unique in its application session."""
        ...

    @property
    def info(self) -> Attribute:
        """What was given when the timer was set."""
        ...

    @property
    def application_session(self) -> SipApplicationSession:
        """The session that the timer belongs to."""
        ...


class TimerService(Protocol):
    """Sets and cancels timers."""

    def create_timer(self, session: SipApplicationSession, delay: float, info: Attribute = None) -> ServletTimer:
        """Have ``SipServlet.timeout`` of the application's first servlet called once.

        Units: ``delay`` seconds.
        """
        ...

    def cancel_timer(self, session: SipApplicationSession, timer_id: str) -> None:
        """Cancel a timer; nothing happens when it has fired."""
        ...
