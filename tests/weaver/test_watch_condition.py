from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weaver.events import make_event
from weaver.errors import InvalidAttributeError
from weaver.event import Event
from weaver.watch_condition import (
    COUNTERS,
    NUMBERS,
    WORDS,
    CounterCondition,
    EventCondition,
    missing_monitor,
    parse_condition,
)

EVENT = make_event(
    1,
    payload={"elapsed_ns": 250_000_000, "error": "KeyError", "phase": "after"},
    context_payload={"status": 503, "method": "INVITE", "call_id": "a@b"},
)


def holds(text: str, event: Event = EVENT) -> bool:
    condition = parse_condition(text)
    assert isinstance(condition, EventCondition)
    return condition.test(event)


@pytest.mark.parametrize(
    "text",
    [
        "status >= 500", "status = 503", "status != 200", "status<600", "elapsed > 200ms", "elapsed > 0.2s",
        "elapsed <= 250000us", "elapsed = 250000000ns", "elapsed = 250000000", "method = INVITE", "method = 'INVITE'",
        'error = "KeyError"', "call_id = a@b", "status >= 500 and method = INVITE and monitor = M", "phase != before",
        "CTXPAYLOAD.status >= 500 AND NOT MONITOR LIKE 'X%'", "MONITOR IN ('M', 'N') OR METHODNAME MATCHES '^do_'",
    ],
)  # fmt: skip
def test_condition_holds_for_an_event(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "status < 500", "method = 503", "method = BYE", "elapsed > 300ms", "call_key = x",
        "status >= 500 and method = BYE", "error = 5", "context_id != x", "MONITOR LIKE 'X%'",
    ],
)  # fmt: skip
def test_condition_does_not_hold_for_another_value_kind_or_what_is_missing(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(("text", "expected"), [("call_id = 12345", True), ("call_id = 12345s", False)])
def test_digits_are_text_where_a_text_is_compared(text: str, expected: bool) -> None:
    assert holds(text, make_event(1, context_payload={"call_id": "12345"})) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("count(M) > 1", ""),
        ("status = 5", ""),
        ("count(N) > 1", "there is no monitor 'N' whose counter could be asked"),
        ("count(M.firde) > 1", "M has no counter 'firde'; there are: reached, dyed, fired"),
    ],
)
def test_monitor_and_counter_that_do_not_exist_are_named(text: str, reason: str) -> None:
    said = missing_monitor(parse_condition(text), {"M"}.__contains__)

    assert (said[: len(reason)], bool(said)) == (reason, bool(reason))


@pytest.mark.parametrize("word", WORDS)
def test_every_word_can_be_asked_of_an_event_without_tables(word: str) -> None:
    nothing = "599" if word in NUMBERS else "nothing"

    assert not holds(f"{word} = {nothing}", make_event(1, payload=None, context_payload=None, class_name="C"))


@pytest.mark.parametrize(
    ("text", "counter", "is_rate"),
    [
        ("rate(Sip_Servlet_Before_Service) > 10/s", "fired", True),
        ("rate( A.b-c.errors ) > 10/s", "errors", True),
        ("count(A.b-c.dropped) > 10", "dropped", False),
        ("count(M)>10", "fired", False),
    ],
)
def test_condition_over_a_counter(text: str, counter: str, is_rate: bool) -> None:
    condition = parse_condition(text)

    assert isinstance(condition, CounterCondition)
    assert (condition.counter, condition.is_rate, condition.limit) == (counter, is_rate, 10.0)
    assert (condition.holds(10.5), condition.holds(10)) == (True, False)


def test_counters_are_those_that_monitors_have() -> None:
    from tests.weaver.targets import make_registry, monitor

    registry = make_registry()
    registry.add(monitor("M", "execution(* nowhere.f(..))"))

    assert set(registry.counters("M") or {}) == set(COUNTERS)
    assert registry.counters("N") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a comparison such as status >= 500"),
        ("status", "expected a comparison"),
        ("status >= ", "expected a comparison"),
        ("status >= 500 or method = BYE", "expected a comparison"),
        ("status >= 500 and", "expected a comparison"),
        ("statu >= 500", "there is nothing called 'statu' in an event; did you mean 'status'?"),
        ("zzz = 1", "there is nothing called 'zzz' in an event; known: status, method"),
        ("elapsed > 5min", "expected a comparison"),
        ("status = '503'", "status is compared with a number, not with '503'"),
        ("elapsed > long", "elapsed is compared with a number, not with 'long'"),
        ("rate(M) > 10", "a rate is compared with a number such as 10/s"),
        ("count(M) > 10/s", "a count is compared with a number such as 10"),
        ("rate() > 10/s", "expected a comparison"),
        ("status = " + "x" * 1_000, "a condition has at most 1000 characters"),
    ],
)
def test_condition_that_makes_no_sense_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidAttributeError) as refused:
        parse_condition(text)

    assert reason in str(refused.value)


@given(st.text(st.sampled_from("status >=<!()5and \"'./rate\n"), max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except InvalidAttributeError:
        return
    if isinstance(condition, EventCondition):
        assert condition.test(EVENT) in {True, False}


@pytest.mark.parametrize("text", ["status = 1 and " * 66, "rate(" + "a" * 990, "a" * 999, '"' * 999, " " * 999])
def test_hostile_condition_is_judged_at_once(text: str) -> None:
    began = perf_counter()
    with pytest.raises(InvalidAttributeError):
        parse_condition(text)

    assert perf_counter() - began < 0.05
