"""What applications send: completed with Via, Contact, tags and dialog state, and given to the transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.container import naming, provisional, session_timers, subscriptions
from server.container.checks import impossible
from server.container.forwarding import option_tags, uri_of
from server.container.messages import InboundRequest, OutboundAck, OutboundRequest, OutboundResponse
from server.container.records import SipRecord
from server.container.routing import Hop, way
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import LOCAL
from server.servlet.errors import InvalidStateError
from server.sip.auth import authentication_info
from server.sip.auth_client import MAX_TRIES
from server.sip.build import make_cancel, make_request, make_response
from server.sip.dialog import confirmed, on_accepted, open_uas, request_parts
from server.sip.message import Request, Response
from server.sip.usage.invite import accept
from server.sip.usage.offer import after_request, after_response, has_sdp
from server.transport.flow import Flow

if TYPE_CHECKING:
    from server.container.container import Container

WITH_CONTACT = frozenset({"INVITE", "UPDATE", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "REFER"})


class Sending:
    """The way out of the container."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def response(self, draft: OutboundResponse) -> None:
        """Send a response; a 1xx or 2xx to an INVITE makes or confirms the dialog.

        Errors: InvalidStateError when the request was answered finally.
        """
        call, record, to = draft.call, draft.record, draft.to
        request = to.message
        if request.method != "INVITE" and draft.status == 408:
            # Whoever asked has given up by now; a 408 would only come too late (RFC 4320 4.2).
            call.transactions.servers.pop(to.key, None)
            record.state = "TERMINATED" if record.dialog is None else record.state
            return
        if draft.status < 300 or draft.status == 420:
            _refuse_impossible(draft)
        status = draft.status
        if answered(to) or (request.method == "INVITE" and provisional.is_answered(record)):
            raise InvalidStateError(f"the {to.method} was answered already or its transaction has ended")
        flow = call.transactions.servers[to.key].flow
        if request.method == "INVITE" and 100 < status < 200:
            if draft.is_reliable or provisional.OPTION in option_tags(request, "require"):
                draft.extra += (("Require", provisional.OPTION), ("RSeq", provisional.next_rseq(record)))
        draft.extra += session_timers.accept(call, record, request, status)
        draft.extra += subscriptions.grant(request, status)
        draft.extra += self._taken_packages(record, request.method, status)
        if to.proven is not None and 200 <= status < 300:
            info = authentication_info(to.proven.verdict, draft.body, to.proven.next_nonce)
            draft.extra.append((to.proven.side.info, info))
        contact = None
        if status < 300 and request.method in WITH_CONTACT - {"REGISTER"}:
            contact = self._contact(call, flow, request.uri)
        response = make_response(
            request,
            status,
            draft.reason_phrase,
            to_tag=record.id,
            contact=contact,
            extra=draft.extra,
            body=draft.body,
            content_type=draft.content_type,
        )
        if request.method != "INVITE" or not provisional.waits(record, response):
            self.transmit(call, record, to.key, response)

    def transmit(self, call: Call, record: SipRecord, key: str, response: Response) -> None:
        """Send a response that is made."""
        request, status = self._container.origin(call, key), response.status
        flow = call.transactions.servers[key].flow
        if request.method == "INVITE":
            self._answered_invite(record, request, status)
            naming.answered(self._container, call, record, status)
            provisional.sent(call, record, response)
            if 200 <= status < 300 and flow is not LOCAL and flow != LOCAL:
                record.accepted = accept(response, request.cseq.number, call.engine.now(), call.engine.timers)
        elif status >= 200 and (request.method == "BYE" or record.dialog is None):
            record.state = "TERMINATED"  # a SUBSCRIBE that is accepted takes that back
        if record.dialog is not None and request.to.tag and 200 <= status < 300:
            record.dialog = on_accepted(record.dialog, request)
        record.offer = after_response(record.offer, response, sent=True, has_offer=lambda: has_sdp(request))
        session_timers.describe(record, response)
        if status >= 200:
            self._container.proxies.withdraw(call, key, status)
        self._container.defer(call, transactions.send_response(call, key, response, call.engine.now()))
        subscriptions.begin(self._container, call, record, request, status)

    def request(self, draft: OutboundRequest) -> str:
        """Send a request, initial or inside its dialog; return the key of its transaction, none for a BYE that waits.

        Errors: NotRoutableError when there is no way to the target.
        """
        call, record = draft.call, draft.record
        if draft.method == "BYE" and record.accepted is not None:
            record.bye_waits = True  # the callee may not hang up before the ACK (RFC 3261 15)
            return ""
        draft.extra += session_timers.ask(call, record, draft.method)
        draft.extra += self._taken_packages(record, draft.method, 200)
        if draft.method == "INVITE":
            record.peer_rseq = 0
        if record.dialog is None or not draft.parts.get("in_dialog"):
            (uri, flow, others, routes), position = self._way(draft)
            record.flow = flow
            record.cseq += 1
            parts: dict[str, Any] = {
                "uri": uri,
                "from_": f"{record.local};tag={record.id}",
                "to": record.remote,
                "call_id": record.call_id,
                "cseq": record.cseq,
                "routes": routes,
            }
        else:
            record.dialog, parts = request_parts(record.dialog, draft.method)
            flow, others, position = *way(self._dialog_flows(record)), 0
        request = self._build(call, draft, flow, parts)
        record.offer = after_request(record.offer, request, sent=True)
        session_timers.describe(record, request)
        subscriptions.ask(call, record, request)
        key = transactions.send_request(call, request, flow, record.id, call.engine.now(), position, others)
        if draft.method == "INVITE":
            record.invite_out = key
        elif draft.method == "BYE":
            record.state, record.bye_out, record.bye_waits = "TERMINATED", key, False
        return key

    def resend(self, call: Call, record: SipRecord, request: Request) -> str:
        """Send a request of ours again, in a transaction of its own; return its key."""
        via = self._container.routing.addresses.via(record.flow, self._container.ids.mint_branch(call.key))
        request = request.with_header("Via", via)
        record.offer = after_request(record.offer, request, sent=True)
        subscriptions.ask(call, record, request)
        key = transactions.send_request(call, request, record.flow, record.id, call.engine.now())
        if request.method == "INVITE":
            record.invite_out, record.peer_rseq = key, 0
        elif request.method == "BYE":
            record.bye_out = key
        return key

    def in_dialog(self, call: Call, record: SipRecord, method: str) -> OutboundRequest:
        """Make a request inside a dialog.

        Errors: InvalidStateError when there is none.
        """
        if record.dialog is None:
            raise InvalidStateError(f"{method}: the session {record.id} has no dialog yet")
        return OutboundRequest(self._container, call, record, method, record.dialog.target, {"in_dialog": True})

    def prack(self, call: Call, record: SipRecord) -> OutboundRequest:
        """Make the PRACK that a session owes.

        Errors: InvalidStateError when there is no dialog.
        """
        draft = self.in_dialog(call, record, "PRACK")
        draft.extra, record.unpracked = [("RAck", record.unpracked)], ""
        return draft

    def ack(self, draft: OutboundAck) -> None:
        """Acknowledge the 2xx that the session has; kept, to be sent again when the 2xx is repeated.

        Source: RFC 3261 13.2.2.4.
        """
        call, record = draft.call, draft.record
        if record.dialog is None:
            raise InvalidStateError("there is no dialog to acknowledge in")
        _, parts = request_parts(record.dialog, "ACK")
        parts["cseq"] = record.ack_cseq
        flow = self._dialog_flows(record)[0]
        request = self._build(call, draft, flow, parts)
        record.offer = after_request(record.offer, request, sent=True)
        session_timers.describe(record, request)
        record.waits_for_ack, record.ack = False, request.wire()
        transactions.send_directly(call, request, flow)

    def cancel(self, call: Call, record: SipRecord, reasons: tuple[str, ...] = ()) -> None:
        """Cancel the INVITE of a session; before its first provisional response the CANCEL waits for it.

        Shape: ``reasons`` are values of Reason (RFC 3326).
        Source: RFC 3261 9.1.
        """
        record.reasons = reasons or record.reasons
        record.tries = MAX_TRIES  # a challenge to what is given up is not answered
        client = call.transactions.clients.get(record.invite_out)
        if client is None:
            return
        if client.transaction.state == "Calling" and client.flow != LOCAL:
            record.cancel = True
            return
        record.cancel = False
        cancel = make_cancel(self._container.origin(call, record.invite_out), record.reasons)
        transactions.send_request(call, cancel, client.flow, record.id, call.engine.now())
        transactions.cancelled(call, record.invite_out, call.engine.now())

    def _taken_packages(self, record: SipRecord, method: str, status: int) -> tuple[tuple[str, str], ...]:
        """Return what an INVITE or its answer says of the INFO packages that we take (RFC 6086 5.2)."""
        if method != "INVITE" or status >= 300:
            return ()
        packages = self._container.servlet_of(record).info_packages
        return (("Recv-Info", ", ".join(packages)),) if packages else ()

    def _answered_invite(self, record: SipRecord, request: Request, status: int) -> None:
        initial = not request.to.tag
        if status >= 200:
            record.invite_in = ""
        if not initial:
            return
        if status >= 300:
            record.state = "TERMINATED"
        elif record.dialog is None:
            record.dialog = open_uas(request, record.id, confirmed=status >= 200)
            record.state = "CONFIRMED" if status >= 200 else "EARLY"
        elif status >= 200:
            record.dialog = confirmed(record.dialog)
            record.state = "CONFIRMED"

    def _way(self, draft: OutboundRequest) -> tuple[Hop, int]:
        container = self._container
        position = container.chain.position_of(draft.record.app) + 1
        if container.chain.select(draft.method, position) is not None:
            return Hop(draft.uri, LOCAL, (), tuple(draft.routes)), position
        if draft.routes:
            flows = container.routing.flows_to(uri_of(draft.routes[0]))
            return Hop(draft.uri, *way(flows), tuple(draft.routes)), 0
        return container.routing.next_hop(draft.uri), 0

    def _dialog_flows(self, record: SipRecord) -> tuple[Flow, ...]:
        assert record.dialog is not None
        route = record.dialog.routes[0] if record.dialog.routes else record.dialog.target
        return self._container.routing.dialog_flows(route.partition("<")[2].partition(">")[0] or route, record.flow)

    def _contact(self, call: Call, flow: Flow, uri: str) -> str:
        """Return our Contact for a message about a URI; the call key is its user part."""
        secure = uri[:5].lower() == "sips:"
        return self._container.routing.addresses.contact(call.key, flow, secure=secure)

    def _contact_of(self, call: Call, draft: OutboundRequest, flow: Flow, uri: str) -> str | None:
        """Return the Contact of a request; in a secure dialog it is secure, too (RFC 3261 12.2.1.1)."""
        if draft.method not in WITH_CONTACT:
            return None
        dialog = draft.record.dialog
        return self._contact(call, flow, "sips:" if dialog is not None and dialog.secure else uri)

    def _build(self, call: Call, draft: OutboundRequest, flow: Flow, parts: dict[str, Any]) -> Request:
        parts.pop("in_dialog", None)
        uri = parts.pop("uri")
        return make_request(
            draft.method,
            uri,
            via=self._container.routing.addresses.via(flow, self._container.ids.mint_branch(call.key)),
            max_forwards=draft.max_forwards,
            contact=self._contact_of(call, draft, flow, uri),
            extra=draft.extra,
            body=draft.body,
            content_type=draft.content_type,
            **parts,
        )


def _refuse_impossible(draft: OutboundResponse) -> None:
    """Have a refusal in place of an answer to a request that cannot be served."""
    refusal = impossible(draft.record, draft.to.message)
    if refusal is not None:
        draft.status, draft.extra = refusal[0], list(refusal[1])
        draft.reason_phrase, draft.body = None, b""


def answered(request: InboundRequest) -> bool:
    """Say whether the final response to a request has been sent."""
    record = request.call.transactions.servers.get(request.key)
    return record is None or record.transaction.state not in {"Trying", "Proceeding"}
