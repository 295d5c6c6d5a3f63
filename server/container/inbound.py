"""The way of requests into the container: from a delivery of the transactions to the servlet of its session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.container import naming, provisional, session_timers, subscriptions
from server.container.checks import INSIDE, is_merged, refusal_in_dialog, unknown_body, unknown_package
from server.container.drafts import new_application
from server.container.forks import session_of
from server.container.forwarding import routed
from server.container.inbound_responses import InboundResponses
from server.container.messages import InboundRequest
from server.container.records import Sessions, SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import Delivery
from server.servlet.sip_servlet import SipServlet
from server.sip import transaction as machine
from server.sip.build import make_response
from server.sip.grammar import storable
from server.sip.message import Request
from server.sip.uri import OtherUri
from server.sip.usage.offer import after_request

if TYPE_CHECKING:
    from server.container.container import Container


class Inbound:
    """Routes deliveries of one container."""

    def __init__(self, container: Container) -> None:
        self._container = container
        responses = InboundResponses(container)
        self._events: dict[str, Callable[[Call, Delivery], None]] = {
            "request": self._request,
            "cancel": self._cancel,
            "ack": self._ack,
            "response": responses.response,
            "timeout": responses.no_response,
            "transport-error": responses.no_response,
            "no-ack": self._nothing,
            "no-answer": self._no_answer,
        }

    def deliver(self, call: Call, delivery: Delivery) -> None:
        """Take one delivery."""
        if delivery.message is not None:
            call.section("sessions", Sessions).heard = call.engine.now()
        self._events[delivery.event](call, delivery)

    def _request(self, call: Call, delivery: Delivery) -> None:
        received = delivery.message
        assert isinstance(received, Request)
        request, token = routed(received, self._container.routing.addresses.is_own, delivery.flow)
        if request.method == "CANCEL":
            self._cancel(call, delivery)
        elif token and request.to.tag:
            self._proxied(call, delivery, request, token)
        elif request.to.tag:
            self._in_dialog(call, delivery, request, request.to.tag)
        else:
            self._initial(call, delivery, request)
        if request.method == "INVITE":
            self._trying(call, delivery.key, request)

    def _initial(self, call: Call, delivery: Delivery, request: Request) -> None:
        container = self._container
        if isinstance(request.request_uri, OtherUri):
            container.answer(call, delivery.key, request, 416)
            return
        if is_merged(call, delivery, request):
            container.answer(call, delivery.key, request, 482)
            return
        found = naming.named(container, call, request)
        refusal = (found.refusal, ()) if found.refusal else session_timers.refusal_of(request)
        if refusal is not None:
            container.answer(call, delivery.key, request, refusal[0], extra=refusal[1])
            return
        target = self._target(delivery, request, found)
        if target is None:
            container.answer(call, delivery.key, request, 481 if request.method in INSIDE else 404)
            return
        app, handler, servlet = target
        refusal = subscriptions.refusal_of(servlet, None, request) or unknown_body(servlet, request)
        if refusal is not None:
            container.answer(call, delivery.key, request, refusal[0], extra=refusal[1])
            return
        application = new_application(call, app, 0.0).id if found.record is None else found.record.application
        record = self._session(call, delivery, request, app, handler, application)
        naming.take(call, record, found, request)
        container.invoke(servlet, self._facade(call, record, request, delivery))

    def _target(self, delivery: Delivery, request: Request, found: naming.Named) -> tuple[str, str, SipServlet] | None:
        """Return the application and the servlet that serve an initial request, those of the dialog that it names."""
        container = self._container
        if found.record is not None:
            return found.record.app, found.record.handler, container.servlet_of(found.record)
        target = container.chain.select(request.method, delivery.position)
        return None if target is None else (target.application.name, target.name, target.servlet)

    def _session(
        self, call: Call, delivery: Delivery, request: Request, app: str, handler: str, application: str
    ) -> SipRecord:
        """Make the session of an initial request."""
        tag = self._container.ids.mint_tag(call.key)
        record = SipRecord(
            id=tag,
            application=application,
            app=app,
            handler=handler,
            call_id=request.call_id,
            local=storable(request.headers.get("to") or "").removesuffix(";"),
            remote=storable(request.headers.get("from") or ""),
            flow=delivery.flow,
        )
        call.section("sessions", Sessions).sips[tag] = record
        call.transactions.servers[delivery.key].session = tag
        record.offer = after_request(record.offer, request, sent=False)
        if request.method == "INVITE":
            record.invite_in = delivery.key
            record.is_callee = True
            session_timers.may_describe(record, request)
        return record

    def _proxied(self, call: Call, delivery: Delivery, request: Request, token: str) -> None:
        """Pass on a request whose Route has the token of a session that proxies."""
        container = self._container
        record = call.section("sessions", Sessions).sips.get(token)
        if record is None or not record.proxies or record.state == "TERMINATED":
            container.answer(call, delivery.key, request, 481)
            return
        if delivery.key:
            call.transactions.servers[delivery.key].session = token
        container.proxies.subsequent(call, record, request, delivery)

    def _in_dialog(self, call: Call, delivery: Delivery, request: Request, tag: str) -> None:
        container = self._container
        record = session_of(call, tag, request.from_.tag or "")
        if record is not None:
            subscriptions.open_by_notify(record, request)
        if record is None or record.dialog is None or record.state == "TERMINATED":
            crossing = request.method == "BYE" and record is not None and bool(record.bye_out)
            container.answer(call, delivery.key, request, 200 if crossing else 481)
            return
        refusal = refusal_in_dialog(container, record, request)
        if refusal is None and request.method == "PRACK" and not provisional.acknowledge(record, request):
            refusal = 481, ()
        servlet = container.servlet_of(record)
        refusal = refusal or subscriptions.refusal_of(servlet, record, request)
        refusal = refusal or unknown_package(servlet, request) or unknown_body(servlet, request)
        if refusal is not None:
            container.answer(call, delivery.key, request, refusal[0], extra=refusal[1])
            return
        call.transactions.servers[delivery.key].session = record.id
        record.offer = after_request(record.offer, request, sent=False)
        if request.method == "INVITE":
            record.invite_in = delivery.key
        elif request.method == "NOTIFY":
            subscriptions.take_notify(call, record, request)
        elif request.method == "BYE":
            self._give_up_invite(call, record)
        facade = self._facade(call, record, request, delivery)
        if session_timers.is_refresh(request):
            facade.create_response(200).send()
            return
        container.invoke(container.servlet_of(record), facade)
        if request.method == "PRACK":
            provisional.send_behind(container, call, record)
        elif request.method == "NOTIFY":
            subscriptions.end_notified(container, call, record, request)

    def _give_up_invite(self, call: Call, record: SipRecord) -> None:
        """Answer an INVITE that is open when the BYE comes with 487 (RFC 3261 15.1.2)."""
        if record.invite_in in call.transactions.servers:
            request = transactions.request_of(call, record.invite_in)
            self._container.answer(call, record.invite_in, request, 487, record.id)
        record.invite_in = ""
        record.accepted = None

    def _trying(self, call: Call, key: str, request: Request) -> None:
        """Send 100 when the application has not answered at once (RFC 3261 17.2.1)."""
        record = call.transactions.servers.get(key)
        if record is not None and record.transaction.state == "Proceeding" and record.transaction.response is None:
            response = make_response(request, 100)
            self._container.defer(call, transactions.send_response(call, key, response, call.engine.now()))

    def _cancel(self, call: Call, delivery: Delivery) -> None:
        cancel = delivery.message
        assert isinstance(cancel, Request)
        container = self._container
        key = machine.invite_key_of_cancel(cancel)
        invited = call.transactions.servers.get(key)
        if invited is None:
            container.answer(call, delivery.key, cancel, 481)
            return
        record = call.section("sessions", Sessions).sips.get(invited.session)
        container.answer(call, delivery.key, cancel, 200, None if record is None else record.id)
        if record is None or invited.transaction.state != "Proceeding":
            return
        if not container.proxies.cancel(call, key, cancel.headers.get_all("reason")):
            container.answer(call, key, transactions.request_of(call, key), 487, record.id)
            record.invite_in = ""
            if record.state != "CONFIRMED":
                record.state = "TERMINATED"
        container.invoke(container.servlet_of(record), self._facade(call, record, cancel, delivery))

    def _ack(self, call: Call, delivery: Delivery) -> None:
        received = delivery.message
        assert isinstance(received, Request)
        ack, token = routed(received, self._container.routing.addresses.is_own, delivery.flow)
        if token:
            self._proxied(call, delivery, ack, token)
            return
        record = session_of(call, ack.to.tag or "", ack.from_.tag or "")
        if record is None or record.state == "TERMINATED":
            return
        waiting = record.accepted
        if waiting is not None and waiting.cseq != ack.cseq.number:
            return
        first = waiting is not None or delivery.flow.transport == "LOCAL"
        record.accepted = None
        record.offer = after_request(record.offer, ack, sent=False)
        if record.bye_waits:
            self._container.sending.in_dialog(call, record, "BYE").send()
        elif first:
            container = self._container
            container.invoke(container.servlet_of(record), self._facade(call, record, ack, delivery))

    def _nothing(self, call: Call, delivery: Delivery) -> None:
        """Take notice that a refusal was never acknowledged: it has ended what it was for."""

    def _no_answer(self, call: Call, delivery: Delivery) -> None:
        """End a session whose application did not answer its only request while somebody waited for it."""
        record = call.section("sessions", Sessions).sips.get(delivery.session)
        if record is not None and record.dialog is None and not record.proxies:
            record.state = "TERMINATED"

    def _facade(self, call: Call, record: SipRecord, request: Request, delivery: Delivery) -> InboundRequest:
        flow = delivery.flow
        return InboundRequest(
            self._container, call, record, request, delivery.key, (flow.remote_host, flow.remote_port)
        )
