"""Actions that show something of values: the log, what changed, SIP messages. Nothing is shown unless it is allowed."""

import logging
from typing import Any

import msgspec
import pytest

from monitors.actions.sip_capture import find_message
from monitors.actions.snapshot import ENTRIES, MISSING, compare, follow, take
from server.sip.codec import parse_message
from tests.monitors.actions.conftest import Bench
from weaver import redaction
from weaver.errors import InvalidAttributeError
from weaver.pointcut.parser import parse_pointcut

NONE: frozenset[str] = frozenset()
LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("location", "properties", "line"),
    [
        ("before", {}, "M: woven_target:f(user=*****, n=7)"),
        ("before", {"show": "user"}, "M: woven_target:f(user='alice', n=7)"),
        ("after", {"show": "result"}, "M: woven_target:f(user=*****, n=7) returned 'token of alice'"),
        ("after", {}, "M: woven_target:f(user=*****, n=7) returned *****"),
    ],
)
def test_line_of_the_log_shows_what_may_be_seen(
    bench: Bench, caplog: pytest.LogCaptureFixture, location: str, properties: dict[str, object], line: str
) -> None:
    bench.put("LogAction", location, **properties)

    with caplog.at_level(logging.INFO, "monitors.actions.log"):
        bench.module.f("alice")

    assert [record.getMessage() for record in caplog.records] == [line]
    assert bench.payloads == []


def test_line_of_the_log_shows_the_result_that_the_pointcut_marks(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.put("LogAction", "after")
    definition = bench.registry.definition("M")
    bench.registry.replace("M", parse_pointcut(str(definition.pointcut).replace("execution(* ", "execution(%* ")))

    with caplog.at_level(logging.INFO, "monitors.actions.log"):
        bench.module.f("alice")

    assert [record.getMessage() for record in caplog.records] == [
        "M: woven_target:f(user=*****, n=7) returned 'token of alice'"
    ]


def test_line_of_the_log_names_the_error(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.put("LogAction", "after", "fail", level="ERROR")

    with pytest.raises(KeyError):
        bench.module.Cart().fail()

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().endswith("raised KeyError")


def test_line_of_a_level_that_is_not_logged_costs_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.put("LogAction", level="DEBUG")

    with caplog.at_level(logging.INFO, "monitors.actions.log"):
        bench.module.f()

    assert caplog.records == []
    with pytest.raises(InvalidAttributeError, match="property level"):
        bench.registry.set("M", properties={"level": "LOUD"})


def changed(bench: Bench, call: Any, on: str = "add", **properties: object) -> dict[str, Any] | None:
    bench.put("SnapshotDiffAction", "around", on, **properties)
    call()
    return bench.payloads[-1]["changed"] if bench.payloads else None


def test_what_a_call_changed_is_shown_and_its_text_is_hidden(bench: Bench) -> None:
    cart = bench.module.Cart()

    found = changed(bench, lambda: cart.add("book", 3))

    assert found == {
        "self.items": {"before": "list[]", "after": "list[*****]"},
        "self._total": {"before": "0", "after": "3"},
    }


def test_text_is_shown_where_it_is_allowed(bench: Bench) -> None:
    cart = bench.module.Cart()

    found = changed(bench, lambda: cart.add("book"), watch="self.items", show="self.items")

    assert found == {"self.items": {"before": "list[]", "after": "list['book']"}}


def test_name_that_is_always_hidden_stays_hidden(bench: Bench) -> None:
    redaction.hide(["items"])
    try:
        found = changed(bench, lambda: bench.module.Cart().add("book"), watch="self", show="items")
    finally:
        redaction.hide(())

    assert found is not None
    assert found["self.items"] == {"before": "*****", "after": "*****"}


def test_nothing_is_emitted_when_nothing_changed_unless_asked(bench: Bench) -> None:
    assert changed(bench, bench.module.f, "f") is None

    bench.registry.set("M", properties={"always": True})
    bench.module.f()

    assert bench.payloads[-1]["changed"] == {}


def test_change_of_a_call_that_raises_is_shown_and_properties_are_not_asked(bench: Bench) -> None:
    bench.put("SnapshotDiffAction", "around", "fail", watch="self self.loud self.nothing other", always=True)

    with pytest.raises(KeyError):
        bench.module.Cart().fail()

    assert bench.registry.get("M")["counters"]["errors"] == 0
    assert bench.payloads[-1]["changed"] == {}


class Slots:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Record(msgspec.Struct):
    name: str
    tags: list[str] = []


def test_attributes_in_slots_structs_and_dictionaries_are_seen() -> None:
    slots, record, table = Slots(), Record("x"), {"k": {"deep": 1}, 3: 4}
    values = {"slots": slots, "record": record, "table": table}.items()
    before = take(values, NONE)

    slots.a, slots.b, record.name = 2, 3, "y"  # type: ignore[attr-defined]
    record.tags.append("t")
    table["k"]["deep"] = 2  # type: ignore[index]

    assert set(compare(before, take(values, NONE))) == {"slots.a", "slots.b", "record.name", "record.tags", "table.k"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1, 3]), ((1,), (1, 1)), ({1, 2}, {1, 3}), ({1: 2}, {1: 3}), (1, True), ("a", "b"), (b"a", b"b"),
        (object(), object()), ([[[1]]], [[[2]]]), (None, 0),
    ],
)  # fmt: skip
def test_values_that_differ_have_different_marks(one: object, other: object) -> None:
    assert compare(take([("x", one)], NONE), take([("x", other)], NONE))
    assert not compare(take([("x", one)], NONE), take([("x", one)], NONE))


def test_snapshot_is_bounded() -> None:
    class Wide:
        def __init__(self) -> None:
            vars(self).update({f"a{at}": LONG for at in range(30)})

    found = take([(f"w{at}", Wide()) for at in range(30)], frozenset({"a1"}))

    assert len(found) == ENTRIES
    assert max(len(entry.text) for entry in found.values()) <= 256


def test_path_that_leads_nowhere_is_missing() -> None:
    assert follow({"a": {"b": 1}}, ["a", "b"]) == 1
    assert follow({"a": 1}, ["b"]) is MISSING
    assert follow(3, ["real"]) is MISSING
    assert follow(Slots(), ["b"]) is MISSING


def test_object_that_answers_for_every_attribute_is_not_asked() -> None:
    class Hostile:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

        def __getattribute__(self, name: str) -> object:
            raise AssertionError(name)

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    hostile = Hostile()

    assert not compare(take([("x", hostile)], NONE), take([("x", hostile)], NONE))


INVITE = (
    b"INVITE sip:bob@example.com;user=phone SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"f: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
    b'Authorization: Digest username="alice", response="secret"\r\nX-Own: mine\r\n'
    b"Content-Type: application/sdp\r\nContent-Length: 65\r\n\r\n"
    b"v=0\r\nk=prompt:secret\r\na=crypto:1 AES inline:secret\r\ns=visible!!\r\n"
)


def captured(bench: Bench, data: bytes = INVITE, **properties: object) -> dict[str, Any]:
    bench.put("SipCaptureAction", on="f_of", **properties)
    bench.module.f_of(parse_message(data))
    (payload,) = bench.payloads
    return payload


def test_captured_message_shows_how_it_is_steered_and_not_who_calls(bench: Bench) -> None:
    payload = captured(bench)

    assert payload["start_line"] == "INVITE sip:*****@example.com;user=phone SIP/2.0"
    assert payload["headers"] == [
        "Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1", "Max-Forwards: 70", "f: *****", "To: *****", "Call-ID: c1",
        "CSeq: 1 INVITE", "Authorization: *****", "X-Own: *****", "Content-Type: application/sdp", "Content-Length: 65",
    ]  # fmt: skip
    assert payload["body_bytes"] == 65
    assert "body" not in payload


def test_captured_message_shows_what_is_allowed_and_never_credentials(bench: Bench) -> None:
    payload = captured(bench, show="*", body=True)

    assert payload["start_line"].startswith("INVITE sip:bob@example.com")
    assert "f: <sip:alice@example.com>;tag=1" in payload["headers"]
    assert payload["body"] == ["v=0", "k=*****", "a=crypto:*****", "s=visible!!"]
    assert "secret" not in str(payload)


def test_captured_header_is_allowed_by_its_long_name(bench: Bench) -> None:
    headers = captured(bench, show=["From"])["headers"]

    assert "f: <sip:alice@example.com>;tag=1" in headers
    assert "To: *****" in headers


def test_telephone_number_is_hidden(bench: Bench) -> None:
    payload = captured(bench, INVITE.replace(b"sip:bob@example.com;user=phone", b"tel:+4930123;phone-context=x"))

    assert payload["start_line"] == "INVITE tel:*****;phone-context=x SIP/2.0"


def test_header_that_no_event_shows_is_hidden(bench: Bench) -> None:
    redaction.hide(["call-id"])
    try:
        assert "Call-ID: *****" in captured(bench)["headers"]
    finally:
        redaction.hide(())


def test_captured_message_is_bounded(bench: Bench) -> None:
    many = b"".join(b"X-%d: y\r\n" % at for at in range(100))
    data = INVITE.replace(b"X-Own: mine\r\n", many).replace(
        b": 65\r\n\r\nv=0", b": 50065\r\n\r\n" + b"x" * 50_000 + b"v=0"
    )

    payload = captured(bench, data, body=True)

    assert (len(payload["headers"]), payload["headers_left_out"]) == (20, 89)
    assert len(str(payload)) < 8_000


def test_body_that_is_no_text_is_its_length(bench: Bench) -> None:
    data = INVITE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + b"\xff" * 65

    assert captured(bench, data, body=True)["body"] == ["<65 bytes>"]


def test_joinpoint_without_a_message_emits_nothing(bench: Bench) -> None:
    bench.put("SipCaptureAction")

    bench.module.f()

    assert bench.payloads == []


def test_message_is_found_in_an_argument() -> None:
    class Holder:
        message = parse_message(INVITE)

    assert find_message((1, Holder())) is Holder.message


def test_argument_actions_of_one_monitor_keep_their_own_state(bench: Bench) -> None:
    cart = bench.module.Cart()
    bench.put("SnapshotDiffAction", "around", "add")
    bench.registry.set("M", actions=["TraceMemoryAllocationAction", "SnapshotDiffAction", "TraceElapsedTimeAction"])

    cart.add("book")

    assert [event.type for event in bench.registry.buffer.recent()] == [
        "TraceMemoryAllocationAction", "TraceElapsedTimeAction", "TraceElapsedTimeAction", "SnapshotDiffAction",
        "TraceMemoryAllocationAction",
    ]  # fmt: skip
    assert bench.payloads[-1]["allocated_bytes"] is not None
