"""The SIP side: joins two phones that a web page names (RFC 3725), registers phones, relays calls between them.

The flow is RFC 3725 flow I: the first phone is called without an offer, its offer goes to the second phone, the second
phone's answer goes to the first in the ACK. It needs the fewest messages and no made-up SDP, and every phone of the
tests takes it. Its weakness is a second phone that rings for long: the first one repeats its 200 until it gets the ACK
and gives up after 32 seconds. So when the second phone has not answered after ``hold_after`` seconds, the first gets an
ACK with a holding answer and later a re-INVITE with the second phone's answer, as in flow III.
"""

from __future__ import annotations

from typing import Any

from apps.click2call import call as calls
from apps.click2call.policy import CallRefusedError, check_target
from server.servlet import (
    B2buaServlet,
    NotRoutableError,
    ServletContext,
    ServletTimer,
    SipApplicationSession,
    SipRequest,
    SipResponse,
    SipSession,
    held_answer,
    origin_of,
    with_origin,
)

SDP = "application/sdp"


class Click2CallServlet(B2buaServlet):
    """Handles both legs of a click-to-call call, and calls between phones."""

    def __init__(self, context: ServletContext) -> None:
        super().__init__(context)
        self._allowed: list[str] = list(context.settings["allowed_targets"])
        self._hold_after = float(context.settings["hold_after"])

    def start(self, session: SipApplicationSession, call_id: str, caller: str, callee: str) -> dict[str, Any]:
        """Call the first phone; the rest follows from its answers. A call that has no way there has failed at once."""
        call: dict[str, Any] = {
            "id": call_id, "state": "calling", "status": None, "reason": None, "caller": caller, "callee": callee,
            "party": "caller", "first": "", "second": "", "offer": b"", "timer": "", "held": False,
        }  # fmt: skip
        invite = self.context.factory.create_request(session, "INVITE", callee, caller)
        call["first"] = invite.session.id
        calls.store(session, call)
        try:
            invite.send()
        except NotRoutableError as error:
            invite.session.invalidate()
            calls.end(session, call, error.status, "the caller")
        return call

    def hang_up(self, session: SipApplicationSession, call: dict[str, Any]) -> None:
        """End both legs in whatever state they are."""
        for leg in (call["first"], call["second"]):
            self.end_leg(session.sip_session(leg))
        calls.end(session, call)

    def do_register(self, request: SipRequest) -> None:
        """Keep where a phone is."""
        self.context.registrar.register(request)

    def next_leg(self, request: SipRequest) -> SipRequest:
        """Check that a phone may call whom it calls."""
        try:
            check_target(request.uri, self.context.registrar, self._allowed)
        except CallRefusedError as error:
            raise NotRoutableError(error.status, error.reason) from error
        return super().next_leg(request)

    def do_provisional_response(self, response: SipResponse) -> None:
        """Show that a phone rings."""
        call = self._call_of(response)
        if call is None:
            super().do_provisional_response(response)
        elif response.status in {180, 183} and call["state"] in {"calling", "ringing"}:
            call["state"] = "ringing"
            calls.store(response.application_session, call)

    def do_success_response(self, response: SipResponse) -> None:
        """Go on with the next step of the flow."""
        call = self._call_of(response)
        if call is None or response.method != "INVITE" or response.session.linked is not None:
            super().do_success_response(response)
        elif response.session.id == call["second"]:
            self._join(response, call)
        elif call["held"]:
            response.create_ack().send()
            self._link(response.application_session, call)
        else:
            self._call_second(response, call)

    def do_error_response(self, response: SipResponse) -> None:
        """Show why a phone was not reached, and end the other leg."""
        call = self._call_of(response)
        if call is None or response.method != "INVITE" or call["state"] == "answered":
            super().do_error_response(response)
            return
        session = response.application_session
        party = "the caller" if response.session.id == call["first"] else "the callee"
        calls.end(session, call, response.status, party)
        self._end_other(session, call, response.session)

    def do_bye(self, request: SipRequest) -> None:
        """End the call when either phone hangs up."""
        call = self._call_of(request)
        super().do_bye(request)
        if call is not None:
            session = request.application_session
            self._end_other(session, call, request.session)
            calls.end(session, call)

    def no_ack_received(self, session: SipSession) -> None:
        """End the other leg as well."""
        call = calls.of_leg(session.application_session, session.id)
        super().no_ack_received(session)
        if call is not None:
            calls.end(session.application_session, call, 408, "a phone")

    def timeout(self, timer: ServletTimer) -> None:
        """Put the first phone on hold when the second rings for long."""
        session = timer.application_session
        call = calls.load(session, str(timer.info))
        if call is None or call["state"] not in {"calling", "ringing"} or call["held"]:
            return
        first = session.sip_session(call["first"])
        ack = None if first is None else self.context.b2bua.ack_of(first)
        if ack is None:
            return
        host = str(self.context.server["sip_address"]).rpartition(":")[0]
        ack.set_body(held_answer(call["offer"], host), SDP)
        ack.send()
        call["held"] = True
        calls.store(session, call)

    def _call_of(self, message: SipRequest | SipResponse) -> dict[str, Any] | None:
        return calls.of_leg(message.application_session, message.session.id)

    def _call_second(self, response: SipResponse, call: dict[str, Any]) -> None:
        """Call the second phone with the offer of the first, which has answered."""
        session = response.application_session
        invite = self.context.factory.create_request(session, "INVITE", call["caller"], call["callee"])
        invite.set_body(response.body, response.content_type)
        call.update(second=invite.session.id, offer=response.body, party="callee", state="calling")
        call["timer"] = self.context.timers.create_timer(session, self._hold_after, call["id"]).id
        calls.store(session, call)
        try:
            invite.send()
        except NotRoutableError as error:
            invite.session.invalidate()
            response.create_ack().send()
            calls.end(session, call, error.status, "the callee")
            self.end_leg(response.session)

    def _join(self, response: SipResponse, call: dict[str, Any]) -> None:
        """Acknowledge the second phone's answer and give it to the first."""
        session = response.application_session
        response.create_ack().send()
        self.context.timers.cancel_timer(session, call["timer"])
        first = session.sip_session(call["first"])
        if first is None or not first.is_valid:
            calls.end(session, call)
            self.end_leg(response.session)
            return
        if call["held"]:
            host = str(self.context.server["sip_address"]).rpartition(":")[0]
            again = first.create_request("INVITE")
            again.set_body(with_origin(response.body, "-", origin_of(call["offer"])[1], 2, host), response.content_type)
            again.send()
        else:
            ack = self.context.b2bua.ack_of(first)
            if ack is not None:
                ack.set_body(response.body, response.content_type)
                ack.send()
            self._link(session, call)
        call.update(state="answered", party="", offer=b"")
        calls.store(session, call)

    def _link(self, session: SipApplicationSession, call: dict[str, Any]) -> None:
        """Have what the phones send inside the call relayed from leg to leg."""
        first, second = session.sip_session(call["first"]), session.sip_session(call["second"])
        if first is not None and second is not None:
            self.context.b2bua.link(first, second)

    def _end_other(self, session: SipApplicationSession, call: dict[str, Any], this: SipSession) -> None:
        for leg in (call["first"], call["second"]):
            if leg != this.id:
                self.end_leg(session.sip_session(leg))
