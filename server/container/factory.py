"""The factory: requests and application sessions that begin here."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from server.container.drafts import draft, new_application
from server.container.messages import OutboundRequest
from server.container.records import HttpRecord, Sessions
from server.container.referring import referred
from server.container.sessions import ContainerApplicationSession, ContainerHttpSession
from server.engine.call import Call, CallKey, Item
from server.errors import CallStateLockedError
from server.servlet.errors import BusyError, InvalidStateError
from server.servlet.messages import SipRequest
from server.servlet.sessions import SipApplicationSession
from server.sip.ids import key_of_token
from server.sip.uri import parse_uri

if TYPE_CHECKING:
    from server.container.container import Container
    from server.container.messages import InboundRequest

IDLE = 180.0
"""Seconds that an application session lives without a child (JSR 289: three minutes)."""

HTTP_IDLE = 1800.0
"""Seconds that an HTTP session lives after its last request."""

RENEW = 60.0
"""Seconds by which that may be less, so that not every request is a turn."""


class ContainerFactory:
    """The factory of one application."""

    def __init__(self, container: Container, app: str) -> None:
        self._container = container
        self._app = app

    def create_request(
        self, session: SipApplicationSession, method: str, from_uri: str, to_uri: str
    ) -> OutboundRequest:
        """Make an initial request in a new SIP session."""
        if method in {"ACK", "CANCEL"}:
            raise InvalidStateError(f"{method} is made from a response or a request")
        own = cast("ContainerApplicationSession", session)
        if own.call is None:
            raise InvalidStateError("the call is not checked out: use application_session.lock()")
        parse_uri(from_uri)
        parse_uri(to_uri)
        return draft(self._container, own.call, own.id, self._app, method, f"<{from_uri}>", to_uri)

    def create_referred(self, refer: SipRequest) -> OutboundRequest:
        """Make the request that a REFER asks for."""
        return referred(self._container, cast("InboundRequest", refer))

    def create_application_session(self) -> ContainerApplicationSession:
        """Make an application session in a call of its own."""
        key = CallKey(self._container.ids.call_key())
        container, app = self._container, self._app

        def create(call: Call) -> str:
            return new_application(call, app, call.engine.now() + IDLE).id

        try:
            return ContainerApplicationSession(container, key, container.engine.run(key, create))
        except CallStateLockedError as error:
            raise BusyError(error.reason) from error

    def application_session(self, session_id: str) -> ContainerApplicationSession | None:
        """Return the application session with that id."""
        key = key_of_token(session_id)
        if key is None:
            return None
        session = ContainerApplicationSession(self._container, CallKey(key), session_id)
        return session if session.is_valid else None

    def open_http_session(self, session_id: str | None, *, create: bool) -> ContainerHttpSession | None:
        """Return the HTTP session with that id, or a new one in a new application session.

        Switches: yes.
        """
        key = None if session_id is None else key_of_token(session_id)
        container, app = self._container, self._app
        if key is not None:
            assert session_id is not None
            found = container.engine.store.peek(key)
            record = None if found is None else container.sessions_of(found[1]).https.get(session_id)
            if record is not None:
                self._renew(CallKey(key), record)
                return ContainerHttpSession(container, CallKey(key), record)
        if not create:
            return None
        new = CallKey(container.ids.call_key())

        def begin(call: Call) -> HttpRecord:
            application = new_application(call, app, 0.0)
            record = HttpRecord(container.ids.mint_tag(new), application.id, call.engine.now() + HTTP_IDLE)
            call.section("sessions", Sessions).https[record.id] = record
            return record

        try:
            return ContainerHttpSession(container, new, container.engine.run(new, begin))
        except CallStateLockedError as error:
            raise BusyError(error.reason) from error

    def _renew(self, key: CallKey, record: HttpRecord) -> None:
        """Have a session that is used live on; nobody waits for it."""
        engine = self._container.engine
        expires = engine.store.now() + HTTP_IDLE
        if expires - record.expires < RENEW:
            return

        def renew(call: Call) -> None:
            stored = call.section("sessions", Sessions).https.get(record.id)
            if stored is not None:
                stored.expires = expires

        engine.queues.enqueue(key, Item("action", action=renew))
