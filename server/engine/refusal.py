"""Stateless refusals: what is answered without a call, once, and never repeated.

The To tag is a hash of the request, so a repeated request gets the same answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from zlib import crc32

from server.engine.outbound import Sender
from server.errors import TransportError
from server.sip.build import make_response, stamp_received
from server.sip.message import Request
from server.transport.answer import answer_flow
from server.transport.flow import Flow
from server.transport.trust import NOBODY, Trust

log = logging.getLogger(__name__)


class Refusals:
    """Answers requests that no call takes."""

    def __init__(self, transports: Mapping[str, Sender], trust: Trust = NOBODY) -> None:
        self._transports = transports
        self._trust = trust
        self.sent = 0

    def checked(self, request: Request, flow: Flow, allowed: str) -> Request | None:
        """Return the request with ``received`` and ``rport`` filled, or None after it was refused.

        Shape: ``allowed`` are the methods that are served instead, empty if this one is.
        A sips: request must have come over TLS all the way; of the hops before, only a trusted peer knows.

        Source: RFC 3261 8.2.1 (method), 18.2.1, 26.2.2; RFC 3581.
        """
        if request.uri[:5].lower() == "sips:" and not flow.secure and flow.remote_host not in self._trust:
            self.refuse(request, flow, 403, "A sips request must come over TLS")
            return None
        if allowed and not request.to.tag:
            self.refuse(request, flow, 405, extra=(("Allow", allowed),))
            return None
        return stamp_received(request, flow.remote_host, flow.remote_port)

    def refuse(
        self,
        request: Request,
        flow: Flow,
        status: int,
        reason: str | None = None,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer a request; an ACK is never answered. Never raises."""
        if request.method == "ACK" or flow.transport not in self._transports:
            return
        try:
            request = stamp_received(request, flow.remote_host, flow.remote_port)
            tag = f"{crc32(request.wire()):08x}"
            response = make_response(request, status, reason, to_tag=tag, extra=extra)
            self._transports[flow.transport].send(response.wire(), answer_flow(request.via, flow, self._trust))
            self.sent += 1
        except (TransportError, ValueError) as error:
            log.info("a refusal (%d) could not be sent to %s: %s", status, flow, error)
