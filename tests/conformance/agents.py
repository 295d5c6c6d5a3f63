"""User agents of the house for the rows of dialogs: an application answers or calls, the test plays the other side."""

from collections.abc import Callable, Sequence
from typing import Any

from server.container.records import Sessions, SipRecord
from server.engine.call import Call, CallKey
from server.servlet import SipApplicationSession, SipRequest, SipResponse, SipServlet, SipSession
from server.sip.build import make_request, make_response
from server.sip.ids import key_of_token
from server.sip.message import Request, Response
from tests.conformance.ladder import request_of
from tests.server.container.kit import ALICE, House, lines

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"192.0.2.1", b"192.0.2.2")
SDP = "application/sdp"


class Callee(SipServlet):
    """Answers an INVITE with the statuses of the setting ``answers``, ``reliable`` ones of 1xx as such; keeps all."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kept: list[SipRequest] = []
        self.seen: list[str] = []
        self.answers: Sequence[int] = self.context.settings.get("answers", (200,))
        self.reliable: bool = self.context.settings.get("reliable", False)
        self.sdp: bytes = self.context.settings.get("sdp", ANSWER)

    def service(self, message: SipRequest | SipResponse) -> None:
        status = getattr(message, "status", "")
        self.seen.append(f"{status} {message.method}".strip())
        super().service(message)

    def do_invite(self, request: SipRequest) -> None:
        self.kept.append(request)
        for status in self.answers:
            response = request.create_response(status)
            if status < 300 and status not in {180, 181}:
                response.set_body(self.sdp, SDP)
            response.send_reliably() if status < 200 and self.reliable else response.send()

    def do_update(self, request: SipRequest) -> None:
        self.kept.append(request)
        request.create_response(200).send()

    def do_info(self, request: SipRequest) -> None:
        self.kept.append(request)

    def no_ack_received(self, session: SipSession) -> None:
        self.seen.append("no ACK")

    def no_prack_received(self, session: SipSession) -> None:
        self.seen.append("no PRACK")

    def session_expired(self, session: SipSession) -> None:
        self.seen.append("expired")


class Caller(Callee):
    """Calls when the test says so, and acknowledges."""

    def do_success_response(self, response: SipResponse) -> None:
        if response.method == "INVITE":
            response.create_ack().send()


def call(house: House, *headers: tuple[str, str], body: bytes = b"", uri: str = "sip:alice@192.0.2.1") -> Request:
    """Have the application call Alice; return the INVITE."""
    house.wire.sent.clear()

    def act(session: SipApplicationSession) -> None:
        draft = house.factory().create_request(session, "INVITE", "sip:bob@192.0.2.2", uri)
        for name, value in headers:
            draft.set_header(name, value)
        draft.set_body(body, SDP)
        draft.send()

    house.factory().create_application_session().run(act)
    return request_of(house.wire.sent, "INVITE")


def in_session(house: House, message: Request | Response, method: str, body: bytes = b"") -> Request:
    """Have the application send a request in the only session of a call; return it."""

    def act(checked_out: Call) -> None:
        draft = house.container.sending.in_dialog(checked_out, _only(checked_out), method)
        draft.set_body(body, SDP)
        draft.send()

    return _act(house, message, method, act)


def cancel(house: House, invite: Request) -> Request:
    """Have the application cancel its INVITE; return the CANCEL."""
    return _act(house, invite, "CANCEL", lambda call: house.container.sending.cancel(call, _only(call)))


def _act(house: House, message: Request | Response, method: str, act: Callable[[Call], None]) -> Request:
    tag = message.to.tag if isinstance(message, Response) else message.from_.tag
    house.wire.sent.clear()
    house.engine.run(CallKey(key_of_token(tag or "") or ""), act)
    return request_of(house.wire.sent, method)


def _only(call: Call) -> SipRecord:
    (record,) = call.section("sessions", Sessions).sips.values()
    return record


def reply(request: Request, status: int, tag: str = "a1", body: bytes = b"", **more: Any) -> Response:
    """Make Alice's answer to a request of the house."""
    return make_response(
        request, status, to_tag=tag, contact=f"<sip:alice@192.0.2.1;line={tag}>", body=body, content_type=SDP, **more
    )


def from_callee(invite: Request, method: str, cseq: int, tag: str = "a1", **more: Any) -> Request:
    """Make a request of Alice in the dialog that the house's INVITE has made."""
    return make_request(
        method, invite.contacts[0].uri, via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-{method}-{cseq}-{tag}",
        from_=f"<sip:alice@192.0.2.1>;tag={tag}", to=invite.headers.get("from") or "", call_id=invite.call_id,
        cseq=cseq, contact=f"<sip:alice@192.0.2.1;line={tag}>", **more,
    )  # fmt: skip


def offered(house: House, **more: Any) -> Request:
    """Make an INVITE of Alice with an offer."""
    return house.request(**more).with_body(OFFER, SDP)


def answered(house: House, request: Request, status: str = "200 INVITE") -> Response:
    """Send a request of Alice; return the response that is asked for."""
    (found,) = [m for m in house.receive(request, ALICE) if lines([m]) == [status]]
    assert isinstance(found, Response)
    return found


def established(house: House, invite: Request) -> Response:
    """Send an INVITE of Alice and acknowledge its 200."""
    ok = answered(house, invite)
    house.receive(house.in_dialog("ACK", invite.cseq.number, ok))
    return ok
