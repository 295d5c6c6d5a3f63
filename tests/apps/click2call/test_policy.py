"""Who may be called, how often, and what the page is told."""

from typing import Any

import pytest

from apps.click2call import call as calls
from apps.click2call.policy import CallRefusedError, RateCap, check_target
from server.servlet import Registration


class Registered:
    """A registrar that knows one phone."""

    def lookup(self, uri: str) -> list[Registration]:
        return [Registration("sip:alice@192.0.2.1", 60.0)] if uri.startswith("sip:alice@") else []

    def register(self, request: object) -> None:
        raise AssertionError(f"nobody registers here: {request}")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" sip:bob@127.0.0.1:5070 ", "sip:bob@127.0.0.1:5070"),
        ("sip:bob@[::1]", "sip:bob@[::1]"),
        ("sip:bob@localhost", "sip:bob@localhost"),
        ("sip:alice@example.org", "sip:alice@example.org"),
        ("sip:carol@10.0.0.1", "sip:carol@10.0.0.1"),
        ("sip:+4930@example.org", "sip:+4930@example.org"),
    ],
)
def test_loopback_registered_phones_and_allowed_targets_may_be_called(text: str, normal: str) -> None:
    assert check_target(text, Registered(), ["sip:*@10.0.0.1", "sip:+49*@*"]) == normal  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", 400, "is no SIP address"),
        ("bob", 400, "is no SIP address"),
        ("tel:+4930", 400, "write sip:name@host"),
        ("sips:bob@127.0.0.1", 400, "write sip:name@host"),
        ("sip:bob@127.0.0.1?Subject=x", 400, "carries headers"),
        ("sip:bob@10.0.0.2", 403, "not among the allowed_targets"),
        ("sip:bob@127.0.0.1.example.org", 403, "may not be called"),
        ("sip:bob@127.0.0.1;maddr=10.0.0.2", 403, "may not be called"),
        ("sip:bob@10.0.0.1;maddr=example.org", 403, "may not be called"),
    ],
)
def test_anything_else_is_refused_with_field_and_reason(text: str, status: int, words: str) -> None:
    with pytest.raises(CallRefusedError, match=words) as caught:
        check_target(text, Registered(), ["sip:*@10.0.0.1"], "callee")  # type: ignore[arg-type]

    assert (caught.value.status, caught.value.field) == (status, "callee")


def test_client_that_has_used_up_its_minute_waits_for_the_oldest_call_to_pass() -> None:
    cap = RateCap(2)

    taken = [cap.take("a", now) for now in (0.0, 10.0, 20.0, 59.9, 60.0, 61.0, 70.0)]

    assert taken == [True, True, False, False, True, False, True]
    assert cap.take("b", 61.0)


def test_clients_that_were_quiet_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateCap, "CLIENTS", 3)
    cap = RateCap(1)

    for number in range(3):
        cap.take(f"old-{number}", 0.0)
    cap.take("new", 100.0)

    assert list(cap._times) == ["new"]


class Session:
    """The attributes of an application session."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get_attribute(self, name: str) -> Any:
        return self.values.get(name)

    def set_attribute(self, name: str, value: Any) -> None:
        self.values[name] = value


def call(number: int, state: str = "calling") -> dict[str, Any]:
    return {"id": f"c{number}", "state": state, "first": f"f{number}", "second": "", "status": None, "reason": None}


def test_call_is_found_by_its_id_and_by_its_legs() -> None:
    session: Any = Session()
    assert calls.load(session, "c1") is None

    calls.store(session, call(1))

    assert (calls.load(session, "c1") or {})["id"] == "c1"
    assert (calls.of_leg(session, "f1") or {})["id"] == "c1"
    assert calls.of_leg(session, "f2") is None


def test_oldest_of_the_ended_calls_are_forgotten_and_no_other() -> None:
    session: Any = Session()
    calls.store(session, call(0))

    for number in range(1, calls.KEPT + 4):
        calls.store(session, call(number, "ended"))

    assert list(session.values["calls"]) == ["c0", *(f"c{number}" for number in range(4, calls.KEPT + 4))]


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (0, "ended", "the call was hung up"),
        (486, "failed", "the callee: the line is busy"),
        (413, "failed", "the callee: request entity too large"),
    ],
)
def test_end_of_a_call_says_why_in_plain_words_and_stays(status: int, state: str, reason: str) -> None:
    session: Any = Session()
    ended = call(1)

    calls.end(session, ended, status, "the callee")
    calls.end(session, ended, 603, "somebody else")

    assert (ended["state"], ended["reason"], ended["status"]) == (state, reason, status or None)
