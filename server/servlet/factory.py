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

    def create_referred(self, refer: SipRequest) -> SipRequest:
        """Make the request that a REFER asks for, in a new SIP session of its application session.

        Of the headers in the Refer-To it has those that name a dialog or a subject; Referred-By is copied.

        Errors: NotRoutableError for a Refer-To that cannot be followed.
        Source: RFC 3515 2.4.2, RFC 3892 2.1.
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
