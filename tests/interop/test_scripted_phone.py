"""The scripted phone of the demo, seen from a socket that plays its server."""

import socket
from collections.abc import Callable, Iterator

import pytest

from server.sip.build import make_request, make_response
from server.sip.codec import parse_message
from server.sip.message import Request, Response
from server.testing.phone import ScriptedPhone

pytestmark = [pytest.mark.interop]


class FakeServer:
    """The server's side of one call: sends requests to the phone and reads what comes back."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.to = ""
        self._phone: ScriptedPhone | None = None

    def phone(self, **script: float | None) -> ScriptedPhone:
        self._phone = ScriptedPhone("bob", self.address, **{"ring": 0.0, **script})  # type: ignore[arg-type]
        self.to = f"<{self._phone.uri}>"
        return self._phone

    def request(self, method: str, number: int = 1, branch: str = "z9hG4bKone", body: bytes = b"") -> Request:
        assert self._phone is not None
        host, port = self.address
        return make_request(
            method, f"sip:bob@{host}", via=f"SIP/2.0/UDP {host}:{port};branch={branch};rport", from_="<sip:a@x>;tag=a1",
            to=self.to, call_id="call-1", cseq=number, contact=f"<sip:a@{host}:{port}>", body=body,
            content_type="application/sdp",
        )  # fmt: skip

    def send(self, message: Request | Response) -> None:
        assert self._phone is not None
        self.socket.sendto(message.wire(), self._phone.local)

    def ask(self, method: str, number: int = 1, branch: str = "z9hG4bKone", body: bytes = b"") -> Response:
        self.send(self.request(method, number, branch, body))
        return self.response()

    def receive(self) -> Request | Response:
        return parse_message(self.socket.recv(65_535))

    def response(self) -> Response:
        message = self.receive()
        assert isinstance(message, Response)
        return message

    def answered(self) -> Response:
        """Call the phone until it answers; acknowledge."""
        assert self.ask("INVITE").status == 180
        final = self.response()
        self.to = final.headers.get("to") or ""
        self.send(self.request("ACK"))
        return final


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    made = FakeServer()
    yield made
    if made._phone is not None:
        made._phone.stop()
    made.socket.close()


Start = Callable[..., ScriptedPhone]


@pytest.fixture
def start(fake: FakeServer) -> Start:
    def run(**script: float | None) -> ScriptedPhone:
        phone = fake.phone(**script)
        phone.start(register=False)
        return phone

    return run


def test_phone_registers_and_renews_with_the_next_cseq_until_it_is_answered(fake: FakeServer) -> None:
    fake.phone().start()

    first, second = fake.receive(), fake.receive()

    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert [(message.method, message.cseq.number) for message in (first, second)] == [("REGISTER", 1), ("REGISTER", 2)]
    assert first.call_id == second.call_id
    fake.send(make_response(second, 200))
    assert fake._phone is not None
    assert fake._phone.registered.wait(5)


def test_invite_without_sdp_is_answered_with_an_offer(fake: FakeServer, start: Start) -> None:
    start()

    assert fake.ask("INVITE").status == 180
    final = fake.response()

    assert (final.status, final.content_type) == (200, "application/sdp")
    assert b"m=audio" in final.body
    assert final.contacts[0].uri.startswith("sip:bob@127.0.0.1:")


def test_repeated_invite_gets_the_last_response_again(fake: FakeServer, start: Start) -> None:
    start()
    fake.ask("INVITE")
    final = fake.response()

    assert fake.ask("INVITE").wire() == final.wire()


def test_answer_is_repeated_until_the_ack(fake: FakeServer, start: Start) -> None:
    start()
    fake.ask("INVITE")

    final, again = fake.response(), fake.response()

    assert final.wire() == again.wire()


def test_reinvite_options_and_bye_are_answered_in_the_call(fake: FakeServer, start: Start) -> None:
    phone = start()
    fake.answered()

    assert fake.ask("INVITE", 2, "z9hG4bKtwo", b"v=0\r\n").status == 200
    assert fake.ask("OPTIONS", 3, "z9hG4bKthree").status == 200
    assert fake.ask("INFO", 4, "z9hG4bKfour").status == 405
    assert fake.ask("BYE", 5, "z9hG4bKfive").status == 200
    assert phone.states() == [["answered", "acknowledged", "ended"]]


def test_cancel_ends_the_ringing(fake: FakeServer, start: Start) -> None:
    phone = start(ring=60.0)
    fake.ask("INVITE")

    answers = [fake.ask("CANCEL"), fake.response()]

    assert [(answer.status, answer.method) for answer in answers] == [(200, "CANCEL"), (487, "INVITE")]
    assert phone.states() == [["ended"]]


def test_bye_out_of_any_call_gets_481(fake: FakeServer, start: Start) -> None:
    start()

    assert fake.ask("BYE").status == 481


def test_malformed_datagram_is_passed_over(fake: FakeServer, start: Start) -> None:
    phone = start()
    fake.socket.sendto(b"nonsense\r\n\r\n", phone.local)

    assert fake.ask("OPTIONS").status == 200


def test_phone_hangs_up_by_itself_after_its_talk(fake: FakeServer, start: Start) -> None:
    start(talk=0.01)
    fake.answered()

    bye = fake.receive()

    assert isinstance(bye, Request)
    assert (bye.method, bye.to.tag) == ("BYE", "a1")
    assert bye.uri == f"sip:a@{fake.address[0]}:{fake.address[1]}"


def test_phone_that_is_still_ringing_declines(fake: FakeServer, start: Start) -> None:
    phone = start(ring=60.0)
    fake.ask("INVITE")

    phone.hang_up("call-1")

    assert fake.response().status == 603


def test_dialled_call_is_cancelled_before_and_ended_after_its_answer(fake: FakeServer, start: Start) -> None:
    phone = start()
    first = phone.dial("sip:carol@x")
    invite = fake.receive()
    assert isinstance(invite, Request)

    phone.hang_up(first)

    cancel = fake.receive()
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.via.branch) == ("CANCEL", invite.via.branch)
    fake.send(make_response(invite, 487, to_tag="t"))
    ack = fake.receive()
    assert isinstance(ack, Request)
    assert (ack.method, ack.via.branch) == ("ACK", invite.via.branch)

    second = phone.dial("sip:carol@x")
    invite = fake.receive()
    assert isinstance(invite, Request)
    fake.send(make_response(invite, 200, to_tag="t", contact="<sip:c@127.0.0.1:9>"))
    ack = fake.receive()
    phone.hang_up(second)
    bye = fake.receive()
    assert isinstance(ack, Request)
    assert isinstance(bye, Request)
    assert [(message.method, message.uri) for message in (ack, bye)] == [
        ("ACK", "sip:c@127.0.0.1:9"),
        ("BYE", "sip:c@127.0.0.1:9"),
    ]
    assert bye.cseq.number == invite.cseq.number + 1
