"""The container: takes what the transactions deliver to the sessions and servlets it is for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, cast

from server.container import (
    again,
    inactivity,
    provisional,
    publications,
    refreshing,
    registrar,
    response_context,
    session_timers,
    subscriptions,
    watchers,
)
from server.container.b2bua import ContainerB2bua
from server.container.chain import Chain
from server.container.deployment import deploy
from server.container.factory import ContainerFactory
from server.container.flow_token import FlowTokens
from server.container.forks import end_early
from server.container.inbound import Inbound
from server.container.messages import InboundRequest
from server.container.onward import stray
from server.container.proxies import Proxies
from server.container.publications import ContainerPublications
from server.container.records import Sessions, SipRecord
from server.container.registrar import ContainerRegistrar
from server.container.routing import Routing
from server.container.sending import Sending, answered
from server.container.sessions import ContainerSipSession
from server.container.timers import ContainerTimers, fire
from server.container.watchers import ContainerWatchers
from server.engine import transactions
from server.engine.call import Call, peek_section
from server.engine.engine import Engine
from server.engine.transactions import Delivery
from server.servlet.context import ServletContext
from server.servlet.errors import NotRoutableError
from server.servlet.messages import SipRequest, SipResponse
from server.servlet.publications import Publications
from server.servlet.registrar import Registrar
from server.servlet.sip_servlet import METHODS, SipServlet
from server.sip.auth_client import Account
from server.sip.build import make_response
from server.sip.codec import reread
from server.sip.effects import Send
from server.sip.ids import Ids
from server.sip.message import Request
from server.sip.usage import invite
from server.sip.usage.packages import REG
from server.transport.flow import Flow

log = logging.getLogger(__name__)

TIMED = (provisional.next_due, session_timers.next_due, again.next_due, subscriptions.next_due)
"""When a session has something to do that few have."""


HELD = frozenset({registrar.SECTION, response_context.SECTION, publications.SECTION, watchers.SECTION})
"""The sections that few calls have."""


class Container:
    """The SIP servlet container of one node; the engine's transaction user."""

    def __init__(
        self,
        engine: Engine,
        ids: Ids,
        routing: Routing,
        registrar: ContainerRegistrar,
        encode_url: Callable[[str, str], str],
        accounts: Sequence[Account] = (),
    ) -> None:
        self.engine = engine
        self.ids = ids
        self.routing = routing
        self.registrar = registrar
        self.encode_url = encode_url
        self.accounts = accounts
        self.flow_tokens = FlowTokens(bytes.fromhex(ids.call_id() + ids.call_id()))
        self.sending = Sending(self)
        self.b2bua = ContainerB2bua(self)
        self.proxies = Proxies(self)
        self.publications = ContainerPublications(self)
        self.watchers = ContainerWatchers(self)
        self.timers = ContainerTimers()
        self.inbound = Inbound(self)
        self.chain = Chain(())
        self.servlet_errors = 0
        self.abandoned_calls = 0
        engine.user = self
        engine.addressing = routing

    def deploy(
        self, names: Sequence[str], overrides: Mapping[str, Mapping[str, Any]], surroundings: Mapping[str, Any]
    ) -> Mapping[str, tuple[str, Any]]:
        """Load the applications; return their HTTP servlets: path -> (application, servlet).

        Errors: ConfigError.
        """

        def context(name: str, settings: Mapping[str, Any]) -> ServletContext:
            return ServletContext(
                name,
                ContainerFactory(self, name),
                self.b2bua,
                cast("Registrar", self.registrar),
                self.timers,
                settings,
                surroundings,
                cast("Publications", self.publications),
            )

        applications = deploy(names, overrides, context)
        self.chain = Chain(applications)
        paths: dict[str, tuple[str, Any]] = {}
        for application in applications:
            for path, servlet in application.http_servlets.items():
                paths.setdefault(path, (application.name, servlet))
        return paths

    def allowed(self, method: str) -> str:
        """Return the methods that are served where this one is not."""
        return "" if self._is_served(method) else ", ".join(sorted(filter(self._is_served, METHODS)))

    def stray(self, request: Request, flow: Flow) -> tuple[Request, Flow] | None:
        """Return how an ACK goes on whose call is not known any more, if our Record-Route led it here."""
        return stray(self, request, flow)

    def deliver(self, call: Call, delivery: Delivery) -> None:
        """Take one delivery of the transactions."""
        self.inbound.deliver(call, delivery)

    def expire(self, call: Call, now: float) -> None:
        """Repeat unacknowledged 2xx, fire the applications' timers, end what has ended."""
        records = call.section("sessions", Sessions)
        for record in list(records.sips.values()):
            if record.accepted is not None and record.accepted.next_due <= now:
                self._repeat(call, record, now)
        provisional.repeat(self, call, now)
        refreshing.expire(self, call, now)
        again.send_due(self, call, now)
        subscriptions.expire(self, call, now)
        fire(self, call, records, now)
        if self.registrar.expire(call, now):
            self.watchers.changed(call, REG)
        for event in self.publications.expire(call, now):
            self.watchers.changed(call, event)
        self.watchers.expire(call, now)
        self.proxies.expire(call, now)
        end_early(call)
        if inactivity.next_due(call, records) <= now:
            self.abandoned_calls += 1
            inactivity.end(self, call)
        _sweep(call, records, now)

    def next_due(self, call: Call) -> float:
        """Return the next deadline in the container's sections."""
        records = call.section("sessions", Sessions)
        due = inf
        if call.holds_any(HELD):
            holders = (self.registrar, self.proxies, self.publications, self.watchers)
            due = min([holder.next_due(call) for holder in holders])
        _sweep(call, records, call.engine.now())
        due = min(due, inactivity.next_due(call, records))
        for record in records.sips.values():
            if record.accepted is not None:
                due = min(due, record.accepted.next_due)
            if record.reliable or record.timer or record.again or record.subscriptions:
                due = min(due, *[of(record) for of in TIMED])
        for application in records.applications.values():
            if application.expires:
                due = min(due, application.expires)
            for timer in application.timers.values():
                due = min(due, timer.due)
        for http in records.https.values():
            due = min(due, http.expires)
        return due

    def is_alive(self, call: Call) -> bool:
        """Say whether any application session is left."""
        return bool(call.section("sessions", Sessions).applications)

    def invoke(self, servlet: SipServlet, message: SipRequest | SipResponse) -> None:
        """Call a servlet; what it raises is logged, and a request it left open is answered with 500."""
        try:
            servlet.service(message)
        except NotRoutableError as error:
            self._failed(message, error.status, error.reason, error.headers)
        except Exception:
            self.servlet_errors += 1
            log.exception("%s failed on %s", type(servlet).__name__, message.method)
            self._failed(message, 500, None)

    def servlet_of(self, record: SipRecord) -> SipServlet:
        """Return the servlet that handles a session.

        Errors: KeyError when it is not deployed.
        """
        return self.chain.servlet(record.app, record.handler)

    def main_servlet(self, app: str) -> str:
        """Return the name of the first SIP servlet of an application."""
        return self.chain.main_servlet(app)

    def answer(
        self,
        call: Call,
        key: str,
        request: Request,
        status: int,
        to_tag: str | None = None,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer a request without an application."""
        if request.method == "ACK":
            return
        tag = to_tag if to_tag is not None else self.ids.mint_tag(call.key)
        response = make_response(request, status, to_tag=tag, extra=extra)
        self.defer(call, transactions.send_response(call, key, response, call.engine.now()))

    def tell(self, call: Call, record: SipRecord, name: str, *arguments: str) -> None:
        """Tell the servlet of a session what happened to it; what that raises is logged."""
        try:
            getattr(self.servlet_of(record), name)(ContainerSipSession(self, call, record), *arguments)
        except Exception:
            self.servlet_errors += 1
            log.exception("%s of %s failed", name, record.handler)

    def notify(self, call: Call, record: SipRecord, key: str, end: str) -> None:
        """Tell a subscriber that the state has changed."""
        subscriptions.tell(self, call, record, key, end)

    def defer(self, call: Call, deliveries: list[Delivery]) -> None:
        """Take deliveries that come while something is sent."""
        for delivery in deliveries:
            self.deliver(call, delivery)

    def origin(self, call: Call, key: str) -> Request:
        """Return the request that began a transaction of ours or of a peer."""
        return transactions.request_of(call, key)

    def sessions_of(self, state: bytes) -> Sessions:
        """Return the sessions of an encoded call state, to read only."""
        return peek_section(state, "sessions", Sessions)

    def _is_served(self, method: str) -> bool:
        known = method in METHODS and method not in subscriptions.EVENT_METHODS
        return known or self.chain.select(method) is not None

    def _failed(
        self,
        message: SipRequest | SipResponse,
        status: int,
        reason: str | None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        if isinstance(message, InboundRequest) and message.key and not message.is_proxied and not answered(message):
            response = message.create_response(status, reason)
            response.extra += headers
            response.send()

    def _repeat(self, call: Call, record: SipRecord, now: float) -> None:
        assert record.accepted is not None
        record.accepted, effects = invite.expire(record.accepted, now, call.engine.timers)
        for effect in effects:
            if isinstance(effect, Send):
                data = effect.message
                message = reread(data) if isinstance(data, bytes) else data
                transactions.send_directly(call, message, record.flow)
            else:
                self._never_acknowledged(call, record)

    def _never_acknowledged(self, call: Call, record: SipRecord) -> None:
        """End a session whose 2xx nobody acknowledged (RFC 3261 13.3.1.4)."""
        log.info("call %s: no ACK for the 2xx of session %s", call.key, record.id)
        self.sending.in_dialog(call, record, "BYE").send()
        self.tell(call, record, "no_ack_received")


def _sweep(call: Call, records: Sessions, now: float) -> None:
    """Remove SIP and HTTP sessions that have ended, and application sessions that have no child left.

    A SIP session that we have ended stays until its BYE is answered, for the BYE of the peer that may cross it.
    """
    clients = call.transactions.clients
    parents = set()
    for record in list(records.sips.values()):
        if record.state != "TERMINATED":
            parents.add(record.application)
        elif record.bye_out not in clients:
            del records.sips[record.id]
    for http in list(records.https.values()):
        if http.expires > now:
            parents.add(http.application)
        else:
            del records.https[http.id]
    for key, application in list(records.applications.items()):
        if key not in parents and not application.timers and application.expires <= now:
            del records.applications[key]
