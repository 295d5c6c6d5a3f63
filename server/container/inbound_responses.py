"""The way of responses into the container: from a delivery of the transactions to the servlet of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from server.container import challenged, provisional, refreshing, session_timers, subscriptions
from server.container.again import is_tried_again
from server.container.forks import family, session_of_response
from server.container.messages import InboundResponse, OutboundAck
from server.container.records import Sessions, SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import Delivery
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.dialog import on_response, open_uac
from server.sip.message import Request, Response
from server.sip.usage.ends import ended_by
from server.sip.usage.offer import after_response, has_sdp, is_reliable

if TYPE_CHECKING:
    from server.container.container import Container

FINAL_TIMEOUT, FINAL_TRANSPORT = 408, 503
"""What the user of a client transaction sees for a timeout and for a transport error (RFC 3261 8.1.3.1)."""


class InboundResponses:
    """Routes responses, and what stands for one that did not come."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def response(self, call: Call, delivery: Delivery) -> None:
        """Take a response to a request of ours."""
        response = delivery.message
        assert isinstance(response, Response)
        if self._container.proxies.take(call, delivery):
            return
        if response.status == 100:
            return
        record = session_of_response(call, self._container.ids, delivery.session, response)
        if record is None:
            return
        method = response.method
        record.offer = after_response(record.offer, response, sent=False, has_offer=lambda: has_sdp(_origin(delivery)))
        if method != "INVITE" and record.dialog is not None:
            record.dialog = on_response(record.dialog, response)
        if self._is_dealt_with(call, delivery, record, response):
            return
        if record.state != "CONFIRMED":
            record.flow = delivery.flow  # that of the target which answered, where there were several
        if response.status >= 300 and is_tried_again(self._container, call, record, _origin(delivery), response):
            record.invite_out = "" if record.invite_out == delivery.key else record.invite_out
            return
        if method == "INVITE":
            self._invite_response(call, delivery, record, response)
        elif method in subscriptions.METHODS:
            if response.status >= 200:
                subscriptions.take_response(self._container, call, record, _origin(delivery), response)
            self._to_servlet(call, delivery, record, response)
        elif method != "CANCEL":
            over = response.status >= 200 and (method == "BYE" or record.dialog is None)
            if over or ended_by(method, response):
                record.state = "TERMINATED"
            self._to_servlet(call, delivery, record, response)

    def _is_dealt_with(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> bool:
        """Say whether the servlet need not hear of a response: a challenge that was met, the answer to our refresh."""
        is_final = response.status >= 200
        if is_final and challenged.is_answered(self._container, call, record, delivery, _origin(delivery)):
            return True
        is_refresh = delivery.key == record.refresh
        if response.method == "UPDATE" and not is_refresh:
            session_timers.take(call, record, response)
        if is_final and is_refresh:
            refreshing.take_answer(self._container, call, record, _origin(delivery), response)
        return is_refresh

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
            if ended_by("INVITE", response):
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
        elif is_reliable(response) and provisional.is_repeated(record, response):
            return
        else:
            self._to_servlet(call, delivery, record, response)

    def _accept(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        """Confirm the dialog that a 2xx makes, or refresh the one it is in."""
        if record.dialog is None:
            record.dialog = open_uac(_origin(delivery), response)
        else:
            record.dialog = on_response(record.dialog, response)
        record.invite_out, record.ack, record.ack_cseq = "", b"", response.cseq.number
        record.waits_for_ack = True
        if record.state == "TERMINATED":
            OutboundAck(self._container, call, record).send()  # our BYE has crossed it (RFC 5407 3.2.3)
            return
        session_timers.take(call, record, response)
        record.state = "CONFIRMED"
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

    def no_response(self, call: Call, delivery: Delivery) -> None:
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
        self.response(call, msgspec.structs.replace(delivery, event="response", message=response))

    def _to_servlet(self, call: Call, delivery: Delivery, record: SipRecord, response: Response) -> None:
        origin, flow = _origin(delivery), delivery.flow
        facade = InboundResponse(self._container, call, record, response, origin, (flow.remote_host, flow.remote_port))
        self._container.invoke(self._container.servlet_of(record), facade)


def _origin(delivery: Delivery) -> Request:
    """Return the request that began the transaction of a delivery."""
    origin = delivery.origin
    if isinstance(origin, bytes):
        parsed = parse_message(origin)
        assert isinstance(parsed, Request)
        return parsed
    return origin
