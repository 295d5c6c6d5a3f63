"""The factory: requests and application sessions that begin here."""

from __future__ import annotations

from typing import Protocol

from server.servlet.messages import SipRequest
from server.servlet.sessions import SipApplicationSession


class SipFactory(Protocol):
    """Makes what an application starts by itself."""

    def create_request(self, session: SipApplicationSession, method: str, from_uri: str, to_uri: str) -> SipRequest:
        """Make an initial request in a new SIP session of the application session.

        Errors: ValueError for a URI that is none; InvalidStateError for ACK and CANCEL.
        """
        ...

    def create_application_session(self) -> SipApplicationSession:
        """Make an application session in a call of its own.

        Switches: yes, from an HTTP servlet.
        """
        ...

    def application_session(self, session_id: str) -> SipApplicationSession | None:
        """Return the application session with that id, None when there is none (any more)."""
        ...
