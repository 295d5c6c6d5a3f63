"""The way into the container: from a delivery of the transactions to the servlet of its session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from server.container.factory import new_application
from server.container.forks import family, session_of, session_of_response
from server.container.forwarding import routed
from server.container.messages import InboundRequest, InboundResponse, OutboundAck
from server.container.records import Sessions, SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import LOCAL, Delivery
from server.servlet.sip_servlet import METHODS
from server.sip import transaction as machine
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.dialog import on_request, on_response, open_uac
from server.sip.grammar import storable
from server.sip.message import Request, Response
from server.sip.uri import OtherUri

if TYPE_CHECKING:
    from server.container.container import Container

FINAL_TIMEOUT, FINAL_TRANSPORT = 408, 503
"""What the user of a client transaction sees for a timeout and for a transport error (RFC 3261 8.1.3.1)."""

SESSION_ENDERS = frozenset({408, 481})
"""Answers to a request inside a dialog that end it (RFC 3261 12.2.1.2)."""


class Inbound:
    """Routes deliveries of one container."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._events: dict[str, Callable[[Call, Delivery], None]] = {
            "request": self._request,
            "cancel": self._cancel,
            "ack": self._ack,
            "response": self._response,
            "timeout": self._no_response,
            "transport-error": self._no_response,
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
        if _is_merged(call, delivery, request):
            container.answer(call, delivery.key, request, 482)
            return
        target = container.chain.select(request.method, delivery.position)
        if target is None:
            container.answer(call, delivery.key, request, 404)
            return
        application = new_application(call, target.application.name, 0.0)
        tag = container.ids.mint_tag(call.key)
        record = SipRecord(
            id=tag,
            application=application.id,
            app=application.app,
            handler=target.name,
            call_id=request.call_id,
            local=storable(request.headers.get("to") or ""),
            remote=storable(request.headers.get("from") or ""),
            flow=delivery.flow,
        )
        call.section("sessions", Sessions).sips[tag] = record
        call.transactions.servers[delivery.key].session = tag
        if request.method == "INVITE":
            record.invite_in = delivery.key
        container.invoke(target.servlet, self._facade(call, record, request, delivery))

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
        if record is None or record.dialog is None or record.state == "TERMINATED":
            crossing = request.method == "BYE" and record is not None and bool(record.bye_out)
            container.answer(call, delivery.key, request, 200 if crossing else 481)
            return
        if request.method not in METHODS:
            container.answer(call, delivery.key, request, 405, extra=(("Allow", ", ".join(METHODS)),))
            return
        record.dialog, refusal = on_request(record.dialog, request)
        is_open = request.method == "INVITE" and bool(record.invite_in)
        if refusal is None and is_open:
            refusal = 500
        elif refusal is None and request.method == "INVITE" and record.invite_out:
            refusal = 491
        if refusal is not None:
            again = (("Retry-After", str(container.ids.below(11))),) if refusal == 500 and is_open else ()
            container.answer(call, delivery.key, request, refusal, extra=again)
            return
        call.transactions.servers[delivery.key].session = tag
        if request.method == "INVITE":
            record.invite_in = delivery.key
        elif request.method == "BYE":
            self._give_up_invite(call, record)
        container.invoke(container.servlet_of(record), self._facade(call, record, request, delivery))

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
        if not container.proxies.cancel(call, key):
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
        first = record.accepted is not None or delivery.flow.transport == "LOCAL"
        record.accepted = None
        if record.bye_waits:
            self._container.sending.in_dialog(call, record, "BYE").send()
        elif first:
            container = self._container
            container.invoke(container.servlet_of(record), self._facade(call, record, ack, delivery))

    def _response(self, call: Call, delivery: Delivery) -> None:
        response = delivery.message
        assert isinstance(response, Response)
        if self._container.proxies.take(call, delivery):
            return
        if response.status == 100:
            return
        record = session_of_response(call, self._container.ids, delivery.session, response)
        if record is None:
            return
        if record.state != "CONFIRMED":
            record.flow = delivery.flow  # that of the target which answered, where there were several
        if response.method == "INVITE":
            self._invite_response(call, delivery, record, response)
        elif response.method != "CANCEL":
            over = response.status >= 200 and (response.method == "BYE" or record.dialog is None)
            if over or response.status in SESSION_ENDERS:
                record.state = "TERMINATED"
            self._to_servlet(call, delivery, record, response)

    def _invite_response(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        status = response.status
        if status < 200:
            self._provisional(call, delivery, record, response)
            return
        if status >= 300:
            record.invite_out = ""
            for other in family(call, record):
                if other.state != "CONFIRMED":
                    other.state = "TERMINATED"
            if status in SESSION_ENDERS:
                record.state = "TERMINATED"
            self._to_servlet(call, delivery, record, response)
            return
        tag = response.to.tag
        if record.dialog is not None and record.state == "CONFIRMED" and record.dialog.remote_tag != tag:
            self._second_dialog(call, delivery, record, response)
        elif record.ack and record.ack_cseq == response.cseq.number:
            transactions.send_directly(call, parse_message(record.ack), record.flow)
        elif record.waits_for_ack and record.ack_cseq == response.cseq.number:
            return
        else:
            self._accept(call, delivery, record, response)

    def _provisional(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        if response.to.tag and record.dialog is None:
            record.dialog = open_uac(_origin(delivery), response)
            record.state = "EARLY"
        if record.cancel:
            self._container.sending.cancel(call, record)
        else:
            self._to_servlet(call, delivery, record, response)

    def _accept(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        """Confirm the dialog that a 2xx makes, or refresh the one it is in."""
        if record.dialog is None:
            record.dialog = open_uac(_origin(delivery), response)
        else:
            record.dialog = on_response(record.dialog, response)
        record.state = "CONFIRMED"
        record.invite_out, record.ack, record.ack_cseq = "", b"", response.cseq.number
        record.waits_for_ack = True
        other = call.section("sessions", Sessions).sips.get(record.linked)
        if other is not None:
            other.linked = record.id
        if record.cancel:
            self._refuse_late(call, record)
        else:
            self._to_servlet(call, delivery, record, response)

    def _refuse_late(self, call: Call, record: SipRecord) -> None:
        """Acknowledge and end a session that was accepted although we had given it up (RFC 3261 15)."""
        record.cancel = False
        OutboundAck(self._container, call, record).send()
        self._container.sending.in_dialog(call, record, "BYE").send()

    def _second_dialog(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        """Acknowledge and end the dialog of a second callee that answered a forked INVITE (RFC 3261 13.2.2.4)."""
        tag = response.to.tag or ""
        if tag in record.refused:
            transactions.send_directly(call, parse_message(record.refused[tag]), record.flow)
            return
        for early in family(call, record):
            if early is not record and early.dialog is not None and early.dialog.remote_tag == tag:
                early.state = "TERMINATED"
        kept = record.dialog, record.ack_cseq, record.ack, record.waits_for_ack, record.state, record.bye_out
        record.dialog, record.ack_cseq = open_uac(_origin(delivery), response), response.cseq.number
        OutboundAck(self._container, call, record).send()
        record.refused = {**record.refused, tag: record.ack}
        self._container.sending.in_dialog(call, record, "BYE").send()
        record.dialog, record.ack_cseq, record.ack, record.waits_for_ack, record.state, record.bye_out = kept

    def _no_response(self, call: Call, delivery: Delivery) -> None:
        """Turn a timeout or a transport error of a client transaction into the response that the user sees."""
        if self._container.proxies.take(call, delivery):
            return
        record = call.section("sessions", Sessions).sips.get(delivery.session)
        if record is None:
            return
        origin = _origin(delivery)
        if origin.method == "CANCEL":
            return
        status = FINAL_TIMEOUT if delivery.event == "timeout" else FINAL_TRANSPORT
        response = make_response(origin, status, to_tag=origin.to.tag or "none")
        self._response(call, delivery._replace(event="response", message=response))

    def _nothing(self, call: Call, delivery: Delivery) -> None:
        """Take notice that a refusal was never acknowledged: it has ended what it was for."""

    def _no_answer(self, call: Call, delivery: Delivery) -> None:
        """End a session whose application did not answer its only request while somebody waited for it."""
        record = call.section("sessions", Sessions).sips.get(delivery.session)
        if record is not None and record.dialog is None and not record.proxies:
            record.state = "TERMINATED"

    def _to_servlet(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        origin, flow = _origin(delivery), delivery.flow
        facade = InboundResponse(self._container, call, record, response, origin, (flow.remote_host, flow.remote_port))
        self._container.invoke(self._container.servlet_of(record), facade)

    def _facade(self, call: Call, record: SipRecord, request: Request, delivery: Delivery) -> InboundRequest:
        flow = delivery.flow
        return InboundRequest(
            self._container, call, record, request, delivery.key, (flow.remote_host, flow.remote_port)
        )


def _is_merged(call: Call, delivery: Delivery, request: Request) -> bool:
    """Say whether a request came before on another way, and was not passed on: then it is answered there.

    Source: RFC 3261 8.2.2.2.
    """
    servers = call.transactions.servers
    if len(servers) < 2 or delivery.flow == LOCAL or request.method == "REGISTER":
        return False
    sips = call.section("sessions", Sessions).sips
    for key, server in servers.items():
        first = sips.get(server.session)
        if key == delivery.key or server.flow == LOCAL or (first is not None and first.proxies):
            continue
        other = transactions.request_of(call, key)
        if (other.cseq, other.from_.tag, other.call_id) == (request.cseq, request.from_.tag, request.call_id):
            return other.to.tag is None
    return False


def _origin(delivery: Delivery) -> Request:
    """Return the request that began the transaction of a delivery."""
    origin = delivery.origin
    if isinstance(origin, bytes):
        parsed = parse_message(origin)
        assert isinstance(parsed, Request)
        return parsed
    return origin
