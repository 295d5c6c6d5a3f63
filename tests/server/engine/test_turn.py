"""What a turn does when the state tier does not give or take a call, and when an item fails."""

from collections.abc import Callable
from typing import Any

import pytest

from server.engine.call import CallKey, Item
from server.errors import CallStateLockedError, CallStateTooLargeError, PartitionUnavailableError, StaleTokenError
from server.servlet import B2buaServlet, SipServlet
from server.sip.message import Request
from tests.server.container.kit import ALICE, House, lines, reply

KEY = CallKey("0" * 20)


class FailingStore:
    """Stands before the store and raises what the test says."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.on_check_out: Exception | None = None
        self.on_check_in: Exception | None = None
        self.unlocked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def check_out(self, *arguments: Any, **more: Any) -> Any:
        if self.on_check_out:
            raise self.on_check_out
        return self.store.check_out(*arguments, **more)

    def check_in(self, *arguments: Any, **more: Any) -> Any:
        if self.on_check_in:
            raise self.on_check_in
        return self.store.check_in(*arguments, **more)

    def unlock(self, checkout: Any) -> None:
        self.unlocked += 1
        self.store.unlock(checkout)


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build(B2buaServlet)


@pytest.fixture
def store(house: House) -> FailingStore:
    failing = FailingStore(house.engine.store)
    house.engine.store = failing  # type: ignore[assignment]
    return failing


def test_request_of_a_call_that_is_gone_is_481(house: House) -> None:
    assert lines(house.receive(house.request("BYE", to=f"x.{KEY}"))) == ["481 BYE"]


@pytest.mark.parametrize(
    "error", [CallStateLockedError(KEY, "held elsewhere"), PartitionUnavailableError(KEY, "no answer")]
)
def test_request_is_503_while_the_state_tier_does_not_give_the_call(
    house: House, store: FailingStore, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store.on_check_out = error

    assert lines(house.receive(house.request())) == ["503 INVITE"]
    assert str(error) in caplog.text
    store.on_check_out = None
    assert lines(house.receive(house.request(call_id="c-2"))) == ["INVITE", "100 INVITE"]


def test_response_and_ack_are_never_answered_with_a_refusal(house: House, store: FailingStore) -> None:
    invite = house.receive(house.request())[0]
    store.on_check_out = CallStateLockedError(KEY, "held elsewhere")

    assert house.receive(reply(invite, 200)) == []
    assert house.receive(house.request("ACK", to=f"x.{KEY}")) == []


@pytest.mark.parametrize(
    ("error", "words", "unlocked", "answer"),
    [
        (StaleTokenError(KEY, "taken"), "this turn is void", 0, []),
        (PartitionUnavailableError(KEY, "no answer"), "nothing is sent", 1, []),
        (CallStateTooLargeError(KEY, "99 bytes"), "nothing is sent", 1, ["513 INVITE"]),
        (TypeError("cannot be encoded"), "nothing is sent", 1, ["500 INVITE"]),
        (OverflowError("too large a number"), "nothing is sent", 1, ["500 INVITE"]),
    ],
)
def test_nothing_but_a_refusal_is_sent_when_the_call_cannot_be_stored(
    house: House,
    store: FailingStore,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    words: str,
    unlocked: int,
    answer: list[str],
) -> None:
    store.on_check_in = error

    assert lines(house.receive(house.request())) == answer
    assert words in caplog.text
    assert store.unlocked == unlocked


def test_repeated_request_is_answered_again_and_the_call_is_not_stored_again(house: House, store: FailingStore) -> None:
    invite = house.request()
    onward = next(message for message in house.receive(invite) if isinstance(message, Request))
    house.receive(reply(onward, 180))
    before = store.peek(house.engine.dispatch.call_key_of(invite)[0])

    answers = [house.receive(invite) for _ in range(2)]

    assert [lines(answer) for answer in answers] == [["180 INVITE"]] * 2
    assert store.peek(house.engine.dispatch.call_key_of(invite)[0]) == before
    assert (store.unlocked, store.store.statistics().locked) == (2, 0)


def test_item_that_fails_behind_a_repeated_request_has_what_it_did_stored(
    house: House, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite = house.request()
    house.receive(invite)
    before = store.peek(house.engine.dispatch.call_key_of(invite)[0])

    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    monkeypatch.setattr("server.engine.transactions.advance", fail)
    house.receive(invite)

    assert store.peek(house.engine.dispatch.call_key_of(invite)[0])[0] == before[0] + 1


def test_call_whose_state_cannot_be_read_is_refused_and_not_kept_locked(
    house: House, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    request = house.request()
    house.receive(request)
    key, _ = house.engine.dispatch.call_key_of(request)
    assert key is not None
    checkout = store.check_out(key)
    store.store.check_in(checkout, b"of another kind", next_due=None, expires=None)

    answers = [lines(house.receive(house.request(cseq=number))) for number in (2, 3)]

    assert answers == [["500 INVITE"], ["500 INVITE"]]
    assert "could not be read" in caplog.text
    assert store.store.statistics().locked == 0


def test_who_waits_for_an_action_is_told_that_it_was_not_stored(house: House, store: FailingStore) -> None:
    store.on_check_in = CallStateTooLargeError(KEY, "99 bytes")

    with pytest.raises(CallStateTooLargeError, match="99 bytes"):
        house.factory().create_application_session()


def test_error_of_an_action_comes_to_who_asked_for_it(house: House) -> None:
    def fail(call: object) -> None:
        raise KeyError("the servlet's own")

    with pytest.raises(KeyError, match="the servlet's own"):
        house.engine.run(KEY, fail)


def test_item_that_fails_is_given_up_and_the_next_is_worked_off(house: House, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail(call: object) -> None:
        house.engine.queues.enqueue(KEY, Item("action", action=lambda call: done.append("next")))
        raise KeyError("of the item")

    house.engine.queues.enqueue(KEY, Item("action", action=fail))

    assert (done, house.engine.failed_items) == (["next"], 1)
    assert "of the item" in caplog.text


def test_turn_ends_after_so_many_items_and_the_next_goes_on(house: House, store: FailingStore) -> None:
    house.engine.turn_items = 3
    seen: list[int] = []
    versions: list[int] = []
    count = store.store.statistics

    def note(number: int) -> Callable[[object], None]:
        return lambda call: (seen.append(number), versions.append(count().check_outs))[0]

    def fill(call: object) -> None:
        for number in range(7):
            house.engine.queues.enqueue(KEY, Item("action", action=note(number)))

    house.engine.queues.enqueue(KEY, Item("action", action=fill))

    assert seen == list(range(7))
    assert len(set(versions)) == 3


def test_message_that_cannot_be_sent_for_another_reason_is_logged_and_the_others_go(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = house.wire.send

    def choosy(data: bytes, flow: Any) -> None:
        if data.startswith(b"INVITE"):
            raise KeyError("a fault of the transport")
        send(data, flow)

    monkeypatch.setattr(house.wire, "send", choosy)

    assert lines(house.receive(house.request())) == ["100 INVITE"]
    assert "a fault of the transport" in caplog.text


def test_engine_takes_whatever_comes_and_counts_it(
    build: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = build(SipServlet)
    flow = house.node.udp.flow_to(*ALICE)
    for data in (b"", b"\x00\xff", b"INVITE x\r\n\r\n"):
        house.engine.on_datagram(data, flow)
    house.engine.on_failure(flow, "reset", "")
    monkeypatch.setattr(house.engine.dispatch, "call_key_of", lambda message: 1 / 0)
    house.engine.on_datagram(house.request().wire(), flow)

    counted = house.engine.statistics()

    assert (counted.messages, counted.malformed, counted.busy_calls) == (4, 3, 0)
    assert house.node.statistics().engine == counted


@pytest.mark.parametrize("data", ["SIP/2.0 200 OK", "ACK sip:x SIP/2.0"])
def test_what_belongs_to_no_call_is_dropped_in_silence(house: House, data: str) -> None:
    message = reply(house.request("OPTIONS"), 200) if data.startswith("SIP") else house.request("ACK", to="stranger")

    assert house.receive(message) == []
