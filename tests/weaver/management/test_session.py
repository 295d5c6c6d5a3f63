"""One client, without a socket and without a clock."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.weaver.management.fakes import FakeRegistry, event
from weaver.event import EventBuffer
from weaver.management.methods import standard_methods
from weaver.management.roles import Role
from weaver.management.rpc import Caller
from weaver.management.session import SUBSCRIPTION_LIMIT, ClientSession, Limits, hello
from weaver.notices import NoticeBoard

LIST = b'{"jsonrpc":"2.0","id":1,"method":"monitor.list"}\n'


class Peer:
    """The far end: says something, reads what comes."""

    def __init__(self, **limits: Any) -> None:
        self.events = EventBuffer()
        self.notices = NoticeBoard()
        self.wakes = 0
        self.session = ClientSession(
            standard_methods(FakeRegistry(), self.events),
            self.events,
            Caller(Role.ADMIN, 0, 1),
            b"",
            self._wake,
            0.0,
            Limits(**limits),
            self.notices,
        )

    def _wake(self) -> None:
        self.wakes += 1

    def say(self, data: bytes, now: float = 0.0) -> None:
        self.session.feed(data, now)
        while self.session.has_work:
            self.session.step(now)

    def call(self, method: str, now: float = 0.0, **params: Any) -> dict[str, Any]:
        self.say(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n", now)
        return self.read(now)[-1]

    def read(self, now: float = 0.0) -> list[dict[str, Any]]:
        """Read all there is, and what comes when it is read."""
        lines = b""
        while self.session.output or self.session.has_work:
            lines += bytes(self.session.output)
            self.session.sent(len(self.session.output), now)
            self.session.step(now)
        return [json.loads(line) for line in lines.splitlines()]


def test_hello_names_server_protocol_and_role() -> None:
    message = json.loads(hello("web", "1.0", 7, ["run", "app"], Role.VIEWER, ["monitor"]))

    assert message["method"] == "server.hello"
    assert message["params"] == {
        "name": "web",
        "version": "1.0",
        "protocol": 1,
        "pid": 7,
        "argv": ["run", "app"],
        "role": "viewer",
        "features": ["monitor"],
    }


def test_requests_are_answered_in_order_however_the_bytes_come() -> None:
    peer = Peer()

    for byte in LIST + LIST.replace(b"1,", b"2,"):
        peer.say(bytes([byte]))

    assert [reply["id"] for reply in peer.read()] == [1, 2]


def test_line_without_end_is_answered_when_the_client_has_ended_his_side() -> None:
    peer = Peer()
    peer.say(LIST.strip())

    peer.session.feed(b"", 0.0)
    peer.session.step(0.0)

    assert [reply["id"] for reply in peer.read()] == [1]
    assert peer.session.finished


def test_few_lines_are_answered_in_one_pass() -> None:
    peer = Peer(lines_a_pass=2)
    peer.session.feed(LIST * 5, 0.0)

    peer.session.step(0.0)

    assert peer.session.output.count(b"\n") == 2
    assert peer.session.has_work
    assert not peer.session.wants_input


def test_nothing_more_is_answered_while_replies_are_not_read() -> None:
    peer = Peer(output_bytes=10)
    peer.session.feed(LIST * 3, 0.0)

    for _ in range(5):
        peer.session.step(0.0)

    assert peer.session.output.count(b"\n") == 1
    assert not peer.session.has_work
    assert len(peer.read()) == 3


def test_line_that_is_too_long_ends_the_session_with_the_reason() -> None:
    for data in (b"x" * 101, b"x" * 101 + b"\n", LIST + b"x" * 101 + b"\n"):
        peer = Peer(line_bytes=100)

        peer.say(data)

        assert [reply["params"]["reason"] for reply in peer.read()] == ["a line may have 100 bytes"]
        assert peer.session.finished


def test_garbage_in_a_row_ends_the_session_and_a_request_between_does_not() -> None:
    peer = Peer(malformed_lines=3)

    peer.say(b"a\nb\n" + LIST + b"c\nd\n")
    assert not peer.session.finished
    peer.say(b"e\n")

    assert peer.read()[-1]["params"] == {"reason": "3 lines in a row were no JSON-RPC requests"}
    assert peer.session.finished


def test_empty_lines_are_passed_over_but_not_in_masses() -> None:
    peer = Peer()

    peer.say(b"\r\n\n" + LIST)
    assert len(peer.read()) == 1
    peer.say(b"\n" * 100)

    assert peer.read()[-1]["params"] == {"reason": "100 empty lines at once"}


def test_line_that_is_not_ended_in_time_ends_the_session() -> None:
    peer = Peer(command_seconds=5.0)
    peer.say(b'{"jsonrpc"', 1.0)
    assert peer.session.deadline() == 6.0

    peer.say(b":", 5.9)
    peer.session.expire(5.9)
    assert not peer.session.closing
    peer.session.expire(6.0)

    assert peer.read()[-1]["params"] == {"reason": "a line was not ended within 5 s"}


def test_silent_client_is_sent_away_and_a_subscriber_is_not() -> None:
    silent, subscriber = Peer(idle_seconds=300.0), Peer(idle_seconds=300.0)
    subscriber.call("event.subscribe", 100.0)
    silent.call("monitor.list", 100.0)

    assert silent.session.deadline() == 400.0
    assert subscriber.session.deadline() == float("inf")
    silent.session.expire(400.0)
    subscriber.session.expire(10_000.0)

    assert silent.read()[-1]["params"] == {"reason": "no command for 300 s"}
    assert subscriber.session.closing is None


def test_client_that_does_not_read_is_given_up_without_waiting_for_him() -> None:
    peer = Peer(stall_seconds=30.0)
    peer.call("event.subscribe", 1.0)
    peer.events.emit(event())
    peer.session.step(2.0)

    peer.session.expire(31.9)
    assert not peer.session.finished
    peer.session.expire(32.0)

    assert peer.session.finished
    assert peer.events.failed == 0


def test_events_of_a_subscription_come_after_its_answer() -> None:
    peer = Peer()
    number = peer.call("event.subscribe", monitor="Before_Send")["result"]["subscription"]

    peer.events.emit(event(1))
    peer.events.emit(event(2, monitor="Before_Service"))

    (message,) = peer.read()
    assert message["method"] == "event"
    assert message["params"]["subscription"] == number
    assert message["params"]["record_id"] == 1
    assert peer.wakes == 1


def test_subscription_to_an_unknown_monitor_is_refused_with_near_names() -> None:
    error = Peer().call("event.subscribe", monitor="Before_Sned")["error"]

    assert error["data"]["did_you_mean"][0] == "Before_Send"


def test_oldest_events_are_dropped_and_the_next_one_says_how_many() -> None:
    peer = Peer(events=2)
    peer.call("event.subscribe")

    for number in range(5):
        peer.events.emit(event(number))

    assert [(m["params"]["record_id"], m["params"]["dropped"]) for m in peer.read()] == [(3, 3), (4, 0)]


def test_no_event_comes_after_unsubscribe() -> None:
    peer = Peer()
    number = peer.call("event.subscribe")["result"]["subscription"]
    peer.events.emit(event())

    peer.say(b'{"jsonrpc":"2.0","id":2,"method":"event.unsubscribe","params":{"subscription":%d}}\n' % number)
    peer.events.emit(event())

    assert [message.get("id") for message in peer.read()] == [2]
    assert (
        peer.call("event.unsubscribe", subscription=number)["error"]["message"] == f"there is no subscription {number}"
    )


def test_subscriptions_are_limited() -> None:
    peer = Peer()
    for _ in range(SUBSCRIPTION_LIMIT):
        peer.call("event.subscribe")

    assert "error" in peer.call("event.subscribe")


def test_notices_come_beside_events_and_end_by_their_own_number() -> None:
    peer = Peer()
    number = peer.call("notice.subscribe")["result"]["subscription"]
    peer.call("event.subscribe")

    peer.notices.publish("watch.fired", "W", "it is late")
    peer.events.emit(event(1))
    notice, told = peer.read()
    peer.call("notice.unsubscribe", subscription=number)
    peer.notices.publish("watch.fired", "W", "again")

    assert (notice["method"], told["method"]) == ("notice", "event")
    assert (notice["params"]["text"], notice["params"]["subscription"]) == ("it is late", number)
    assert peer.read() == []


def test_end_of_the_session_ends_its_subscriptions() -> None:
    peer = Peer()
    peer.call("event.subscribe")

    peer.session.close("the server is stopping")
    peer.session.close("again")
    peer.events.emit(event())

    assert [message["params"] for message in peer.read()] == [{"reason": "the server is stopping"}]


@given(st.lists(st.binary(max_size=60) | st.just(LIST) | st.just(b"\n"), max_size=30))
def test_arbitrary_bytes_leave_lines_of_json_and_raise_nothing(parts: list[bytes]) -> None:
    peer = Peer(line_bytes=100)

    for part in filter(None, parts):
        if peer.session.wants_input:
            peer.say(part)

    assert all(message["jsonrpc"] == "2.0" for message in peer.read())
