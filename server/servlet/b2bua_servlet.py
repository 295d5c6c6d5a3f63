"""A servlet that relays a whole call between two legs.

RFC 7092 calls it a signalling-only B2BUA: it opens its own dialog to either side, passes bodies and end-to-end headers
through, and keeps everything that routes or identifies a dialog to itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.servlet.messages import SipRequest, SipResponse
from server.servlet.sessions import SipSession
from server.servlet.sip_servlet import SipServlet


class B2buaServlet(SipServlet):
    """Relays a call: every request of one leg becomes one of the other, every response goes back."""

    info_packages = None

    def next_leg(self, request: SipRequest) -> SipRequest:
        """Return the request for the other leg; override it to choose another target or to change headers."""
        return self.context.b2bua.create_request(request)

    def do_invite(self, request: SipRequest) -> None:
        """Relay an INVITE, initial or not."""
        self._relay(request)

    def do_info(self, request: SipRequest) -> None:
        """Relay an INFO."""
        self._relay(request)

    def do_update(self, request: SipRequest) -> None:
        """Relay an UPDATE."""
        self._relay(request)

    def do_message(self, request: SipRequest) -> None:
        """Relay a MESSAGE."""
        self._relay(request)

    def do_prack(self, request: SipRequest) -> None:
        """Acknowledge on the other leg what was acknowledged on this."""
        prack = self.context.b2bua.relay_prack(request)
        if prack is None:
            request.create_response(200).send()
        else:
            prack.send()

    def do_ack(self, request: SipRequest) -> None:
        """Acknowledge on the other leg what was acknowledged on this."""
        ack = self.context.b2bua.relay_ack(request)
        if ack is not None:
            ack.send()

    def do_bye(self, request: SipRequest) -> None:
        """End this leg, and the other."""
        request.create_response(200).send()
        self.end_leg(request.session.linked, request.headers("Reason"))

    def do_cancel(self, request: SipRequest) -> None:
        """Give up the other leg."""
        self.end_leg(request.session.linked, request.headers("Reason"))

    def no_ack_received(self, session: SipSession) -> None:
        """End the other leg of a call that was never acknowledged."""
        self.end_leg(session.linked)

    def no_prack_received(self, session: SipSession) -> None:
        """End the other leg of a call whose caller does not acknowledge."""
        self.end_leg(session.linked)

    def session_expired(self, session: SipSession) -> None:
        """End the other leg of a call that nobody has refreshed."""
        self.end_leg(session.linked)

    def do_provisional_response(self, response: SipResponse) -> None:
        """Relay a 1xx; a reliable one reliably where that is understood, and else it is acknowledged here."""
        answer = self.context.b2bua.relay_response(response)
        if answer is not None and response.is_reliable and answer.request.supports("100rel"):
            answer.send_reliably()
            return
        if response.is_reliable:
            response.create_prack().send()
        if answer is not None:
            answer.send()

    def do_success_response(self, response: SipResponse) -> None:
        """Relay a 2xx."""
        self._relay_back(response)

    def do_error_response(self, response: SipResponse) -> None:
        """Relay a final response that is none of success."""
        self._relay_back(response)

    def end_leg(self, session: SipSession | None, reasons: Sequence[str] = ()) -> None:
        """End a leg in whatever state it is: CANCEL, BYE or nothing; ``reasons`` say why (RFC 3326)."""
        if session is None or not session.is_valid:
            return
        invite = self.context.b2bua.sent_invite(session)
        waiting = self.context.b2bua.pending_request(session)
        if session.state == "CONFIRMED":
            _because(session.create_request("BYE"), reasons).send()
        elif invite is not None:
            _because(invite.create_cancel(), reasons).send()
        elif waiting is not None:
            waiting.create_response(487).send()

    def _relay(self, request: SipRequest) -> None:
        if not request.is_initial and request.session.linked is None:
            request.create_response(481).send()
            return
        self.next_leg(request).send() if request.is_initial else self.context.b2bua.create_request(request).send()

    def _relay_back(self, response: SipResponse) -> None:
        if response.method in {"BYE", "CANCEL"}:
            return
        answer = self.context.b2bua.relay_response(response)
        if answer is not None:
            answer.send()
        elif response.method == "INVITE" and 200 <= response.status < 300:
            response.create_ack().send()
            self.end_leg(response.session)


def _because(request: SipRequest, reasons: Sequence[str]) -> SipRequest:
    if reasons:
        request.set_header("Reason", ", ".join(reasons))
    return request
