"""The helper of back-to-back user agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from server.container import naming
from server.container.checks import impossible
from server.container.drafts import draft as new_request
from server.container.messages import (
    InboundRequest,
    InboundResponse,
    OutboundAck,
    OutboundRequest,
    OutboundResponse,
    SentRequest,
)
from server.container.records import Sessions, SipRecord
from server.container.sessions import ContainerSipSession
from server.engine.call import Call
from server.servlet.errors import InvalidStateError, NotRoutableError
from server.servlet.messages import SipRequest, SipResponse
from server.servlet.sessions import SipSession
from server.sip.grammar import storable
from server.sip.headers import long_name
from server.sip.identity import ANONYMOUS, is_impossible, privacy_of
from server.sip.message import Request, Response
from server.sip.status import reason_phrase
from server.sip.usage.options import supports

if TYPE_CHECKING:
    from server.container.container import Container

END_TO_END = (
    "Subject",
    "User-Agent",
    "Allow",
    "Content-Disposition",
    "Alert-Info",
    "Call-Info",
    "Reason",
    "Warning",
    "Info-Package",
    "Recv-Info",
    "Privacy",
    "P-Asserted-Identity",
    "History-Info",
    "Diversion",
)
"""Headers that pass from leg to leg (RFC 7092 3.1.3); of Supported, which speaks of one leg, 100rel alone does."""
PERSONAL = frozenset({"subject", "user-agent", "call-info"})
"""What tells of the caller beyond his name, and does not pass when he wants to be nobody (RFC 3323 4.1, 5.3)."""

_KEYS = tuple((name, long_name(name)) for name in END_TO_END)


class ContainerB2bua:
    """Makes the messages of the other leg.

    In a session at most one INVITE is open in either direction, so INVITEs of two legs pair up by their link; for any
    other request the session that relays it keeps the transaction that waits (``SipRecord.relay``).
    """

    def __init__(self, container: Container) -> None:
        self._container = container

    def create_request(self, original: SipRequest, *, uri: str | None = None) -> OutboundRequest:
        """Make the request for the other leg."""
        inbound = cast("InboundRequest", original)
        call, record, message = inbound.call, inbound.record, inbound.message
        refusal = impossible(record, message)
        if refusal is not None:
            raise NotRoutableError(refusal[0], reason_phrase(refusal[0]), refusal[1])
        forwards = 70 if message.max_forwards is None else message.max_forwards
        if forwards <= 0:
            raise NotRoutableError(483, "Max-Forwards has run out")
        if is_impossible(message):
            raise NotRoutableError(500, "Privacy: what is asked for is not given here, and is critical")
        leg = naming.leg_of(call, record) if record.replaces else None
        if record.replaces and leg is None:
            raise NotRoutableError(488, "the dialog to be replaced has no other leg that could go on")
        if inbound.is_initial and leg is None:
            target = uri or message.uri
            draft = new_request(
                self._container, call, record.application, record.app, message.method, _without_tag(message), target
            )
            draft.record.linked, record.linked = record.id, draft.record.id
            draft.record.handler = record.handler
        else:
            other = leg or self._linked(call, record)
            if other is None:
                raise InvalidStateError(f"the session {record.id} has no linked session")
            draft = self._container.sending.in_dialog(call, other, message.method)
        draft.max_forwards = forwards - 1
        draft.set_body(message.body, message.content_type)
        draft.extra = self._end_to_end(record, message)
        if message.method == "INVITE" and supports(message, "100rel"):
            draft.extra.append(("Supported", "100rel"))
        draft.record.relay = "" if message.method == "INVITE" else inbound.key
        return draft

    def pending_request(self, session: SipSession) -> InboundRequest | None:
        """Return the INVITE of a session that we have not answered finally."""
        own = cast("ContainerSipSession", session)
        key = own.record.invite_in
        if not key or key not in own.call.transactions.servers:
            return None
        message = self._container.origin(own.call, key)
        return InboundRequest(self._container, own.call, own.record, message, key, ("", 0))

    def sent_invite(self, session: SipSession) -> SentRequest | None:
        """Return the INVITE that we sent in a session and that is not answered finally."""
        own = cast("ContainerSipSession", session)
        key = own.record.invite_out
        if not key or key not in own.call.transactions.clients:
            return None
        return SentRequest(self._container, own.call, own.record, self._container.origin(own.call, key), "", ("", 0))

    def relay_response(self, response: SipResponse) -> OutboundResponse | None:
        """Make the response for the other leg; None when nobody waits for it there."""
        inbound = cast("InboundResponse", response)
        if inbound.status < 200 and inbound.method != "INVITE":
            return None
        other = self._linked(inbound.call, inbound.record)
        if other is None:
            return None
        session = ContainerSipSession(self._container, inbound.call, other)
        request = self.pending_request(session) if inbound.method == "INVITE" else self._waiting(inbound, session)
        if request is None:
            return None
        draft = request.create_response(inbound.status, inbound.reason)
        draft.set_body(inbound.body, inbound.content_type)
        draft.extra = self._end_to_end(inbound.record, inbound.message)
        return draft

    def relay_ack(self, ack: SipRequest) -> OutboundAck | None:
        """Make the ACK for the 2xx that the other leg waits with."""
        inbound = cast("InboundRequest", ack)
        other = self._linked(inbound.call, inbound.record)
        draft = None if other is None else self._ack(inbound.call, other)
        if draft is not None:
            draft.set_body(inbound.body, inbound.content_type)
        return draft

    def relay_prack(self, prack: SipRequest) -> OutboundRequest | None:
        """Make the PRACK that the other leg owes."""
        inbound = cast("InboundRequest", prack)
        other = self._linked(inbound.call, inbound.record)
        if other is None or not other.unpracked:
            return None
        draft = self._container.sending.prack(inbound.call, other)
        draft.set_body(inbound.body, inbound.content_type)
        other.relay = inbound.key
        return draft

    def ack_of(self, session: SipSession) -> OutboundAck | None:
        """Make the ACK for the 2xx that a session waits with."""
        own = cast("ContainerSipSession", session)
        return self._ack(own.call, own.record)

    def _ack(self, call: Call, record: SipRecord) -> OutboundAck | None:
        if record.dialog is None or not record.waits_for_ack:
            return None
        return OutboundAck(self._container, call, record)

    def link(self, session: SipSession, other: SipSession) -> None:
        """Link two sessions."""
        one, two = cast("ContainerSipSession", session).record, cast("ContainerSipSession", other).record
        one.linked, two.linked = two.id, one.id

    def unlink(self, session: SipSession) -> None:
        """Undo a link."""
        own = cast("ContainerSipSession", session)
        other = self._linked(own.call, own.record)
        own.record.linked = ""
        if other is not None:
            other.linked = ""

    def _end_to_end(self, record: SipRecord, message: Request | Response) -> list[tuple[str, str]]:
        """Return the headers that pass from leg to leg; of the methods that one side allows those that are served here.

        Whoever is told of more would get 501 from the servlet in between.
        """
        headers = message.headers
        there = headers.first
        passed = [(name, value) for name, key in _KEYS if key in there for value in headers.get_all(key)]
        if "allow" in there:
            allowed = self._container.servlet_of(record).allowed()
            passed = [(name, _both(value, allowed) if name == "Allow" else value) for name, value in passed]
        if _is_nobody(message):
            passed = [(name, value) for name, value in passed if name.lower() not in PERSONAL]
        return passed

    def _waiting(self, response: InboundResponse, session: ContainerSipSession) -> InboundRequest | None:
        key = response.record.relay
        if not key or key not in response.call.transactions.servers:
            return None
        if response.status >= 200:
            response.record.relay = ""
        message = self._container.origin(response.call, key)
        return InboundRequest(self._container, response.call, session.record, message, key, ("", 0))

    @staticmethod
    def _linked(call: Call, record: SipRecord) -> SipRecord | None:
        return call.section("sessions", Sessions).sips.get(record.linked)


def _without_tag(message: Request) -> str:
    """Return the From of the other leg: that of this one, or nobody's if the caller asks for that (RFC 3323 5.3)."""
    if _is_nobody(message):
        return ANONYMOUS
    display = storable(message.from_.display or "")
    return f'"{display}" <{message.from_.uri}>' if display else f"<{message.from_.uri}>"


def _both(methods: str, allowed: Sequence[str]) -> str:
    return ", ".join([method for part in methods.split(",") if (method := part.strip()) in allowed])


def _is_nobody(message: Request | Response) -> bool:
    return "privacy" in message.headers.first and "user" in privacy_of(message)
