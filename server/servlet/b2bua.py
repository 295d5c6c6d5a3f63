"""The helper of back-to-back user agents: makes the messages of the other leg."""

from __future__ import annotations

from typing import Protocol

from server.servlet.messages import SipRequest, SipResponse
from server.servlet.sessions import SipSession


class B2buaHelper(Protocol):
    """Makes the messages of the other leg."""

    def create_request(self, original: SipRequest, *, uri: str | None = None) -> SipRequest:
        """Make the request for the other leg.

        For an initial request: in a new session, linked with that of ``original``, to ``uri`` or the same target. For
        one inside a dialog, or an INVITE that is to replace one: in the linked session. Body and end-to-end headers are
        copied, Max-Forwards is one less.

        Errors: InvalidStateError when there is no linked session.
        Source: RFC 7332 (Max-Forwards).
        """
        ...

    def pending_request(self, session: SipSession) -> SipRequest | None:
        """Return the INVITE of a session that we have not answered finally, None if there is none."""
        ...

    def sent_invite(self, session: SipSession) -> SipRequest | None:
        """Return the INVITE that we sent in a session and that is not answered finally, None if there is none."""
        ...

    def relay_response(self, response: SipResponse) -> SipResponse | None:
        """Make the response for the other leg from one that came on this; None when nobody waits for it there."""
        ...

    def link(self, session: SipSession, other: SipSession) -> None:
        """Link two sessions of one application session."""
        ...

    def unlink(self, session: SipSession) -> None:
        """Undo a link."""
        ...

    def relay_prack(self, prack: SipRequest) -> SipRequest | None:
        """Make the PRACK for the reliable response that the other leg waits with; None when there is none."""
        ...

    def relay_ack(self, ack: SipRequest) -> SipRequest | None:
        """Make the ACK for the 2xx that the other leg waits with; None when there is none."""
        ...

    def ack_of(self, session: SipSession) -> SipRequest | None:
        """Make the ACK for the 2xx that a session waits with; None when there is none."""
        ...
