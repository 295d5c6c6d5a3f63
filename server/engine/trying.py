"""The 100 for an INVITE whose call is busy: a client must have it within 0.2 seconds (RFC 3261 17.2.1).

The turn of a call sends the 100 when it has worked the INVITE off; what waits here is looked at only when that takes
long, since another item or a slow servlet has the call.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping

from server.engine.call import CallKey
from server.engine.call_queue import CallQueues
from server.engine.outbound import Sender, send_outbound
from server.errors import TransportError
from server.sip.build import make_response
from server.sip.message import Request
from server.transport.flow import Flow

log = logging.getLogger(__name__)

WAIT = 0.1
"""Seconds after which an INVITE gets its 100 while its call is busy, and between two looks for such."""


class WaitingInvites:
    """The INVITEs that came a moment ago."""

    def __init__(self, transports: Mapping[str, Sender]) -> None:
        self._transports = transports
        self._invites: deque[tuple[float, CallKey, Request, Flow]] = deque()

    def add(self, now: float, key: CallKey, invite: Request, flow: Flow) -> None:
        """Remember an INVITE for a moment."""
        self._invites.append((now + WAIT, key, invite, flow))

    def answer(self, now: float, queues: CallQueues) -> None:
        """Send 100 for those whose call is still busy; one too many does no harm."""
        invites = self._invites
        while invites and invites[0][0] <= now:
            _, key, invite, flow = invites.popleft()
            if key not in queues:
                continue
            try:
                send_outbound(make_response(invite, 100), flow, self._transports)
            except TransportError as error:
                log.info("a 100 could not be sent: %s", error)
