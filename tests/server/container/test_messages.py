"""What an application may do with a request, a response and a session; and what it is told when it may not."""

from collections.abc import Callable
from typing import Any

import pytest

from server.servlet import InvalidSessionError, InvalidStateError, NotRoutableError, SipServlet
from server.sip.message import Request, Response
from tests.server.container.kit import BOB, House, lines, reply

Do = Callable[[Any], object]


class Probe(SipServlet):
    """Runs what the test gives it on each message of a kind; otherwise it does what every servlet does."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.todo: dict[str, Do] = {}
        self.found: list[object] = []

    def service(self, message: Any) -> None:
        status = getattr(message, "status", 0)
        todo = self.todo.get(f"{status}" if status else message.method)
        if todo is None:
            super().service(message)
        else:
            self.found.append(todo(message))

    def raised(self, do: Do) -> Do:
        """Keep what is raised."""

        def attempt(message: Any) -> object:
            try:
                return do(message)
            except Exception as error:
                return error

        return attempt


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(Probe)


@pytest.fixture
def probe(house: House) -> Probe:
    (servlet,) = house.servlets
    assert isinstance(servlet, Probe)
    return servlet


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "INFO", "MESSAGE", "UPDATE"])
def test_servlet_that_serves_nothing_answers_501(house: House, method: str) -> None:
    assert f"501 {method}" in lines(house.receive(house.request(method)))


def test_options_are_answered_with_what_is_served(house: House) -> None:
    (answer,) = house.receive(house.request("OPTIONS"))

    assert isinstance(answer, Response)
    assert answer.status == 200
    allowed = (answer.headers.get("allow") or "").split(", ")
    assert {"BYE", "OPTIONS"} <= set(allowed)
    assert "INVITE" not in allowed


def test_request_for_which_there_is_no_servlet_is_404(house: House) -> None:
    house.container.chain = type(house.container.chain)(())

    assert lines(house.receive(house.request("OPTIONS"))) == ["404 OPTIONS"]


def test_error_of_a_servlet_is_500_and_counted(house: House, probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    def fail(message: object) -> None:
        raise KeyError("the servlet's own")

    probe.todo["OPTIONS"] = fail

    assert lines(house.receive(house.request("OPTIONS"))) == ["500 OPTIONS"]
    assert house.container.servlet_errors == 1
    assert "the servlet's own" in caplog.text


def test_error_after_the_answer_changes_nothing_for_the_peer(house: House, probe: Probe) -> None:
    def answer_and_fail(message: Any) -> None:
        message.create_response(200).send()
        raise KeyError

    probe.todo["OPTIONS"] = answer_and_fail

    assert lines(house.receive(house.request("OPTIONS"))) == ["200 OPTIONS"]


def test_way_that_does_not_exist_is_the_status_that_says_so(house: House, probe: Probe) -> None:
    def fail(message: object) -> None:
        raise NotRoutableError(480, "nobody there")

    probe.todo["OPTIONS"] = fail

    (answer,) = house.receive(house.request("OPTIONS"))
    assert isinstance(answer, Response)
    assert (answer.status, answer.reason) == (480, "nobody there")


def test_received_request_can_be_read(house: House, probe: Probe) -> None:
    probe.todo["MESSAGE"] = lambda m: [
        m.method, m.call_id, m.from_uri, m.to_uri, m.uri, m.body, m.content_type, m.remote_address, m.header("X-A"),
        list(m.headers("x-a")), m.is_initial, m.session.state, m.session.call_id,
        m.application_session.application_name,
    ]  # fmt: skip

    house.receive(house.request("MESSAGE", body=b"hi", extra=(("X-A", "1"), ("X-A", "2"))))

    assert probe.found == [[
        "MESSAGE", "c-1", "sip:alice@192.0.2.1", "sip:bob@192.0.2.2", "sip:bob@192.0.2.2", b"hi", "text/plain",
        ("192.0.2.1", 5060), "1", ["1", "2"], True, "INITIAL", "c-1", "app0",
    ]]  # fmt: skip


@pytest.mark.parametrize(
    ("do", "error", "words"),
    [
        (lambda m: m.set_header("X", "1"), InvalidStateError, "cannot be changed"),
        (lambda m: m.set_body(b""), InvalidStateError, "cannot be changed"),
        (lambda m: m.send(), InvalidStateError, "cannot be sent"),
        (lambda m: m.create_cancel(), InvalidStateError, "only an INVITE that was sent here"),
        (lambda m: m.create_response(99), ValueError, "99 is no status"),
        (lambda m: m.create_response(700), ValueError, "700 is no status"),
        (lambda m: m.create_response(200).set_header("Via", "x"), ValueError, "kept by the container"),
        (lambda m: m.create_response(200).set_header("t", "x"), ValueError, "kept by the container"),
        (lambda m: m.create_response(200).set_header("X", "a\r\nb"), ValueError, "not a header line"),
        (lambda m: m.create_response(200).set_header("X Y", "a"), ValueError, "not a header line"),
        (lambda m: m.create_response(200).create_ack(), InvalidStateError, "acknowledged by the peer"),
        (lambda m: m.session.create_request("ACK"), InvalidStateError, "make ACK from its response"),
        (lambda m: m.session.create_request("INFO"), InvalidStateError, "has no dialog yet"),
        (lambda m: m.session.set_attribute("x", object()), TypeError, "must be plain data"),
        (lambda m: m.session.set_attribute("x", [2**64]), TypeError, "at most 64 bits, not 0x10000000000000000"),
        (lambda m: m.session.set_attribute("x", [{1: 2}]), TypeError, "keys of attributes must be str"),
    ],
)
def test_what_a_received_request_does_not_allow_is_refused_with_the_reason(
    house: House, probe: Probe, do: Do, error: type[Exception], words: str
) -> None:
    probe.todo["INVITE"] = probe.raised(do)

    house.receive(house.request("INVITE"))

    (found,) = probe.found
    assert isinstance(found, error)
    assert words in str(found)


def test_response_is_sent_once_and_carries_what_was_set(house: House, probe: Probe) -> None:
    def answer(request: Any) -> object:
        response = request.create_response(200, "Fine")
        response.set_header("X-A", "1")
        response.set_header("x-a", "2")
        response.set_body(b"hi", "text/plain")
        said = [
            response.method, response.reason, response.header("X-A"), response.header("X-B"), response.call_id,
            response.from_uri, response.to_uri, response.remote_address, response.request is request,
        ]  # fmt: skip
        response.send()
        with pytest.raises(InvalidStateError, match="sent already"):
            response.send()
        with pytest.raises(InvalidStateError, match="answered already"):
            request.create_response(200).send()
        return said

    probe.todo["MESSAGE"] = answer

    (sent,) = house.receive(house.request("MESSAGE"))

    assert isinstance(sent, Response)
    assert (sent.status, sent.reason, sent.headers.get("x-a"), sent.body) == (200, "Fine", "2", b"hi")
    assert probe.found == [[
        "MESSAGE", "Fine", "2", None, "c-1", "sip:alice@192.0.2.1", "sip:bob@192.0.2.2", ("", 0), True,
    ]]  # fmt: skip


def test_ack_is_not_answered(house: House, probe: Probe) -> None:
    probe.todo["INVITE"] = lambda m: m.create_response(200).send()
    probe.todo["ACK"] = probe.raised(lambda m: m.create_response(200))

    ok = next(m for m in house.receive(house.request()) if isinstance(m, Response))
    assert house.receive(house.in_dialog("ACK", 1, ok)) == []

    assert isinstance(probe.found[-1], InvalidStateError)


@pytest.mark.parametrize("sender", ['"a <b> c" <sip:alice@192.0.2.1>;tag=a', "sip:alice@192.0.2.1;tag=a"])
def test_uri_of_the_other_side_is_told_whatever_its_name_is(house: House, probe: Probe, sender: str) -> None:
    probe.todo["MESSAGE"] = lambda m: [m.session.remote_uri]

    house.receive(house.request("MESSAGE").with_header("From", sender))

    assert probe.found == [["sip:alice@192.0.2.1"]]


def dial(house: House, method: str = "INVITE") -> Request:
    """Have the application call Bob by itself; return what he gets."""
    session = house.factory().create_application_session()
    house.wire.sent.clear()

    def start(own: Any) -> None:
        request = house.factory().create_request(own, method, "sip:a@192.0.2.9", "sip:bob@192.0.2.2")
        assert (request.is_initial, request.from_uri, request.to_uri) == (True, "sip:a@192.0.2.9", "sip:bob@192.0.2.2")
        assert request.uri == "sip:bob@192.0.2.2"
        request.send()
        with pytest.raises(InvalidStateError, match="its responses come from the peer"):
            request.create_response(200)

    session.run(start)
    (sent,) = house.wire.sent
    assert isinstance(sent, Request)
    return sent


def test_call_that_begins_here_is_acknowledged_by_the_application(house: House, probe: Probe) -> None:
    probe.todo["200"] = lambda m: [m.status, m.reason, m.request.uri, m.session.remote_uri, m.create_ack().send()]

    invite = dial(house)

    assert lines(house.receive(reply(invite, 200), BOB)) == ["ACK"]
    assert probe.found == [[200, "OK", "sip:bob@192.0.2.2", "sip:bob@192.0.2.2", None]]


@pytest.mark.parametrize("status", [302, 404, 503, 603])
def test_refusal_is_acknowledged_by_the_container(house: House, probe: Probe, status: int) -> None:
    probe.todo[str(status)] = probe.raised(lambda m: m.create_ack())
    invite = dial(house)

    assert lines(house.receive(reply(invite, status), BOB)) == ["ACK"]

    assert "only a 2xx to an INVITE" in str(probe.found[0])


@pytest.mark.parametrize("status", [180, 302, 486])
def test_servlet_need_not_care_for_responses(house: House, status: int) -> None:
    invite = dial(house)

    assert lines(house.receive(reply(invite, status), BOB)) == ([] if status < 200 else ["ACK"])
    assert house.container.servlet_errors == 0


def test_invite_that_rings_can_be_cancelled_from_its_response(house: House, probe: Probe) -> None:
    probe.todo["180"] = lambda m: m.request.create_cancel().send()
    probe.todo["487"] = probe.raised(lambda m: m.request.create_cancel())
    invite = dial(house)

    assert lines(house.receive(reply(invite, 180), BOB)) == ["CANCEL"]
    house.receive(reply(invite, 487), BOB)

    assert "no INVITE on its way" in str(probe.found[-1])


def test_sent_request_is_not_answered_here(house: House, probe: Probe) -> None:
    probe.todo["180"] = probe.raised(lambda m: m.request.create_response(200))

    house.receive(reply(dial(house), 180), BOB)

    assert "was sent here" in str(probe.found[0])


def test_request_outside_a_call_ends_its_session_with_the_answer(house: House, probe: Probe) -> None:
    def ended(response: Any) -> object:
        with pytest.raises(InvalidSessionError, match="has ended; INFO cannot be sent"):
            response.session.create_request("INFO")
        return response.session.is_valid

    probe.todo["200"] = ended

    house.receive(reply(dial(house, "MESSAGE"), 200), BOB)

    assert probe.found == [False]


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_do_not_begin_a_session(house: House, method: str) -> None:
    session = house.factory().create_application_session()

    with pytest.raises(InvalidStateError, match="made from a response or a request"):
        session.run(lambda own: house.factory().create_request(own, method, "sip:a@192.0.2.9", "sip:b@192.0.2.2"))


@pytest.mark.parametrize("uri", ["", "bob", "sip:", "sip:b@192.0.2.2\r\nX: y"])
def test_what_is_no_uri_is_not_called(house: House, uri: str) -> None:
    session = house.factory().create_application_session()

    with pytest.raises(ValueError):
        session.run(lambda own: house.factory().create_request(own, "INVITE", "sip:a@192.0.2.9", uri))


def test_request_is_made_with_the_call_checked_out(house: House) -> None:
    session = house.factory().create_application_session()

    with pytest.raises(InvalidStateError, match="not checked out"):
        house.factory().create_request(session, "INVITE", "sip:a@192.0.2.9", "sip:b@192.0.2.2")
