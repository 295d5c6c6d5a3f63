"""When as much waits for a turn as may: new calls get 503, what belongs to calls goes on."""

import logging
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent.event import Event

from server.servlet import BusyError, SipRequest, SipServlet
from server.sip.message import Request, Response
from server.transport.flow import Flow
from tests.server.container.kit import ALICE, House, lines


class Slow(SipServlet):
    """Answers once the test lets it; a request with ``hold`` in its body waits for that."""

    may_answer = Event()

    def do_invite(self, request: SipRequest) -> None:
        request.create_response(180).send()

    def do_options(self, request: SipRequest) -> None:
        if request.body:
            self.may_answer.wait(5)
        request.create_response(200).send()

    do_bye = do_message = do_options


class Crowded:
    """A node of which one turn runs and one waits."""

    def __init__(self, house: House) -> None:
        self.house = house
        Slow.may_answer.clear()

    def fill(self) -> None:
        for number in range(2):
            self.send(self.house.request("OPTIONS", call_id=f"full-{number}", body=b"hold"))

    def send(self, request: Request) -> list[Request | Response]:
        """Have a request come in; return what is sent at once."""
        self.house.wire.sent.clear()
        host, port = self.house.node.udp.local
        self.house.engine.on_datagram(request.wire(), Flow("UDP", host, port, *ALICE))
        gevent.sleep(0)
        return list(self.house.wire.sent)

    def settle(self) -> list[str]:
        self.house.wire.sent.clear()
        Slow.may_answer.set()
        self.house._settle()
        return lines(self.house.wire.sent)

    @property
    def refused(self) -> dict[str, int]:
        found = self.house.engine.statistics().work_classes
        return {name: found[name].refused for name in ("sip", "http")}


@pytest.fixture
def crowded(build: Callable[..., House]) -> Iterator[Crowded]:
    yield Crowded(build(Slow, at_once=False, sections={"work": {"sip": 1, "http": 1, "waiting": 1}}))
    Slow.may_answer.set()


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE", "REGISTER", "PUBLISH"])
def test_request_that_starts_a_call_is_refused_and_told_when_to_come_again(crowded: Crowded, method: str) -> None:
    crowded.fill()

    first, second = (crowded.send(crowded.house.request(method, call_id="new")) for _ in range(2))

    assert (lines(first), lines(second)) == ([f"503 {method}"], [f"503 {method}"])
    assert 5 <= int(first[0].headers.get("retry-after") or 0) < 15
    assert first[0].headers.get("retry-after") == second[0].headers.get("retry-after")
    assert crowded.refused == {"sip": 2, "http": 0}
    assert crowded.settle() == ["200 OPTIONS", "200 OPTIONS"]


def test_clients_that_are_refused_do_not_all_come_again_at_once(crowded: Crowded) -> None:
    crowded.fill()

    answers = [crowded.send(crowded.house.request(call_id=f"new-{number}"))[0] for number in range(30)]

    assert len({answer.headers.get("retry-after") for answer in answers}) > 3


def test_what_belongs_to_a_call_waits_and_is_answered(crowded: Crowded) -> None:
    invite = crowded.house.request(call_id="old")
    (ringing,) = [one for one in crowded.send(invite) if lines([one]) == ["180 INVITE"]]
    crowded.fill()

    at_once = [crowded.send(request) for request in (invite, crowded.house.in_dialog("BYE", 2, ringing, call_id="old"))]

    assert at_once == [[], []]
    assert crowded.refused["sip"] == 0
    assert {"180 INVITE", "200 BYE"} <= set(crowded.settle())


def test_request_that_is_repeated_while_it_waits_is_not_refused(crowded: Crowded) -> None:
    crowded.fill()

    assert crowded.send(crowded.house.request("OPTIONS", call_id="full-1")) == []
    assert crowded.refused["sip"] == 0


def test_new_calls_are_taken_again_once_there_is_room(crowded: Crowded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "server.engine.work_classes")
    crowded.fill()
    for number in range(3):
        crowded.send(crowded.house.request(call_id=f"new-{number}"))
    crowded.settle()

    assert lines(crowded.send(crowded.house.request("OPTIONS", call_id="later"))) == ["200 OPTIONS"]
    assert [record.getMessage() for record in caplog.records] == [
        "work class sip: 1 wait, new work is refused",
        "work class sip: 3 were refused",
    ]


def test_what_http_wants_of_a_call_is_refused_at_once(crowded: Crowded) -> None:
    factory = crowded.house.factory()
    sessions = [factory.create_application_session() for _ in range(3)]
    ends = Event()
    holding = [gevent.spawn(session.run, lambda _: ends.wait(5)) for session in sessions[:2]]  # noqa: TID251 - stands for a listener's greenlet
    gevent.sleep(0)

    for ask in (lambda: sessions[2].run(lambda _: None), factory.create_application_session):
        with pytest.raises(BusyError, match="too many others wait for a turn"):
            ask()
    ends.set()
    gevent.joinall(holding)

    assert crowded.refused == {"sip": 0, "http": 2}
    assert sessions[2].run(lambda _: "done") == "done"
