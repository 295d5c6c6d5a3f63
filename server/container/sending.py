"""What applications send: completed with Via, Contact, tags and dialog state, and given to the transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.container.messages import InboundRequest, OutboundAck, OutboundRequest, OutboundResponse
from server.container.records import SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.engine.transactions import LOCAL
from server.servlet.errors import InvalidStateError, NotRoutableError
from server.sip.build import make_cancel, make_request, make_response
from server.sip.dialog import open_uas, request_parts
from server.sip.message import Request
from server.sip.usage.invite import accept
from server.transport.flow import Flow

if TYPE_CHECKING:
    from server.container.container import Container

DIALOG_MAKERS = frozenset({"INVITE"})
WITH_CONTACT = frozenset({"INVITE", "UPDATE", "REGISTER", "OPTIONS"})


class Sending:
    """The way out of the container.

    Shape: ``addresses`` maps a transport to the (host, port) that Via and Contact advertise.
    """

    def __init__(self, container: Container, addresses: dict[str, tuple[str, int]]) -> None:
        self._container = container
        self._addresses = addresses

    def response(self, draft: OutboundResponse) -> None:
        """Send a response; a 1xx or 2xx to an INVITE makes or confirms the dialog.

        Errors: InvalidStateError when the request was answered finally.
        """
        call, record, to = draft.call, draft.record, draft.to
        request, status = to.message, draft.status
        if to.key not in call.transactions.servers:
            raise InvalidStateError(f"the {to.method} was answered already or its transaction has ended")
        flow = call.transactions.servers[to.key].flow
        contact = self.contact(call, flow) if status < 300 and request.method in WITH_CONTACT - {"REGISTER"} else None
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
        if request.method == "INVITE":
            self._answered_invite(record, request, status)
            if 200 <= status < 300 and flow is not LOCAL and flow != LOCAL:
                record.accepted = accept(response, request.cseq.number, call.engine.now(), call.engine.timers)
        elif (request.method == "BYE" or record.dialog is None) and status >= 200:
            record.state = "TERMINATED"
        self._container.defer(call, transactions.send_response(call, to.key, response, call.engine.now()))

    def request(self, draft: OutboundRequest) -> None:
        """Send a request, initial or inside its dialog.

        Errors: NotRoutableError when there is no way to the target.
        """
        call, record = draft.call, draft.record
        if record.dialog is None or not draft.parts.get("in_dialog"):
            flow, position, uri = self._way(draft)
            record.flow = flow
            record.cseq += 1
            parts: dict[str, Any] = {
                "uri": uri,
                "from_": f"{record.local};tag={record.id}",
                "to": record.remote,
                "call_id": record.call_id,
                "cseq": record.cseq,
            }
        else:
            record.dialog, parts = request_parts(record.dialog, draft.method)
            flow, position = self._dialog_flow(record), 0
        request = self._build(call, draft, flow, parts)
        key = transactions.send_request(call, request, flow, record.id, call.engine.now(), position)
        if draft.method == "INVITE":
            record.invite_out = key
        elif draft.method == "BYE":
            record.state = "TERMINATED"

    def in_dialog(self, call: Call, record: SipRecord, method: str) -> OutboundRequest:
        """Make a request inside a dialog.

        Errors: InvalidStateError when there is none.
        """
        if record.dialog is None:
            raise InvalidStateError(f"{method}: the session {record.id} has no dialog yet")
        return OutboundRequest(self._container, call, record, method, record.dialog.target, {"in_dialog": True})

    def ack(self, draft: OutboundAck) -> None:
        """Acknowledge the 2xx that the session has; kept, to be sent again when the 2xx is repeated.

        Source: RFC 3261 13.2.2.4.
        """
        call, record = draft.call, draft.record
        if record.dialog is None:
            raise InvalidStateError("there is no dialog to acknowledge in")
        _, parts = request_parts(record.dialog, "ACK")
        parts["cseq"] = record.ack_cseq
        flow = self._dialog_flow(record)
        request = self._build(call, draft, flow, parts)
        record.waits_for_ack, record.ack = False, request.wire()
        transactions.send_directly(call, request, flow)

    def cancel(self, call: Call, record: SipRecord) -> None:
        """Cancel the INVITE of a session; before its first provisional response the CANCEL waits for it.

        Source: RFC 3261 9.1.
        """
        client = call.transactions.clients.get(record.invite_out)
        if client is None:
            return
        if client.transaction.state == "Calling" and client.flow != LOCAL:
            record.cancel = True
            return
        record.cancel = False
        cancel = make_cancel(self._container.origin(call, record.invite_out))
        transactions.send_request(call, cancel, client.flow, record.id, call.engine.now())

    def contact(self, call: Call, flow: Flow) -> str:
        """Return our Contact for a flow; the call key is its user part."""
        host, port = self._addresses[flow.transport]
        suffix = ";transport=tcp" if flow.transport == "TCP" else ""
        return f"<sip:{call.key}@{host}:{port}{suffix}>"

    def _answered_invite(self, record: SipRecord, request: Request, status: int) -> None:
        initial = not request.to.tag
        if status >= 200:
            record.invite_in = ""
        if not initial:
            return
        if status >= 300:
            record.state = "TERMINATED"
        elif record.dialog is None or status >= 200:
            record.dialog = open_uas(request, record.id, confirmed=status >= 200)
            record.state = "CONFIRMED" if status >= 200 else "EARLY"

    def _way(self, draft: OutboundRequest) -> tuple[Flow, int, str]:
        container = self._container
        position = container.chain.position_of(draft.record.app) + 1
        if container.chain.select(draft.method, position) is not None:
            return LOCAL, position, draft.uri
        hop = container.routing.next_hop(draft.uri)
        return hop.flow, 0, hop.uri

    def _dialog_flow(self, record: SipRecord) -> Flow:
        """Return the flow for a request inside a dialog: the same connection, else where the route or target says."""
        assert record.dialog is not None
        if record.flow.transport != "UDP":
            return record.flow
        route = record.dialog.routes[0] if record.dialog.routes else record.dialog.target
        try:
            return self._container.routing.address_of(route.partition("<")[2].partition(">")[0] or route)
        except NotRoutableError:
            return record.flow

    def _build(self, call: Call, draft: OutboundRequest, flow: Flow, parts: dict[str, Any]) -> Request:
        ids = self._container.ids
        host, port = self._addresses[flow.transport]
        transport = "TCP" if flow == LOCAL else flow.transport
        rport = ";rport" if transport == "UDP" else ""
        parts.pop("in_dialog", None)
        return make_request(
            draft.method,
            parts.pop("uri"),
            via=f"SIP/2.0/{transport} {host}:{port};branch={ids.mint_branch(call.key)}{rport}",
            max_forwards=draft.max_forwards,
            contact=self.contact(call, flow) if draft.method in WITH_CONTACT else None,
            extra=draft.extra,
            body=draft.body,
            content_type=draft.content_type,
            **parts,
        )


def answered(request: InboundRequest) -> bool:
    """Say whether the final response to a request has been sent."""
    record = request.call.transactions.servers.get(request.key)
    return record is None or record.transaction.state not in {"Trying", "Proceeding"}
