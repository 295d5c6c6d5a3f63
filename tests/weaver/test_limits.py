from collections.abc import Callable

import pytest

from weaver.errors import InvalidAttributeError
from weaver.limits import DEFAULT, SECONDS_OVER, Allowance, Limits, parse_limits

MS = 1_000_000
SECOND = 1_000 * MS


def made(**limits: int) -> tuple[Allowance, list[str]]:
    reasons: list[str] = []
    return Allowance(Limits(**limits), reasons.append), reasons


def test_limits_that_are_not_named_are_as_by_default() -> None:
    found = parse_limits("M", {"errors": 2})

    assert found == Limits(errors=2)
    assert found.rate == DEFAULT.rate


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"rat": 1}, "M: there is no limit 'rat'; did you mean 'rate'?"),
        ({"": 1}, "M: there is no limit ''; known: rate, flood, time_ms, errors, hang_ms"),
        ({"rate": 0}, "M: limits.rate must be 1 to 1000000, not 0"),
        ({"time_ms": 1_001}, "M: limits.time_ms must be 1 to 1000, not 1001"),
        ({"errors": True}, "M: limits.errors must be 1 to 1000, not True"),
        ({"hang_ms": 1.5}, "M: limits.hang_ms must be 0 to 10000, not 1.5"),
        ([1], "M: limits must be a table, not [1]"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_their_reason(values: object, reason: str) -> None:
    with pytest.raises(InvalidAttributeError) as refused:
        parse_limits("M", values)

    assert str(refused.value) == reason


def test_events_over_the_rate_of_a_second_are_dropped_and_the_next_second_begins_anew() -> None:
    allowance, reasons = made(rate=3)

    first = [allowance.may_emit(5 * SECOND + i) for i in range(5)]
    second = [allowance.may_emit(6 * SECOND + i) for i in range(3)]

    assert first == [True, True, True, False, False]
    assert second == [True, True, True]
    assert (dict(allowance.drops), reasons) == ({"rate": 2}, [])


def test_flood_stops_its_monitor_once() -> None:
    allowance, reasons = made(rate=3, flood=2)

    for i in range(10):
        allowance.may_emit(5 * SECOND + i)

    assert reasons == ["5 events in one second are a flood"]
    assert allowance.drops["rate"] == 7


def test_monitor_that_has_used_its_time_rests_until_the_second_is_over() -> None:
    allowance, reasons = made(time_ms=10)

    allowance.spend(0, 6 * MS)
    in_time = bool(allowance.rests_until)
    allowance.spend(20 * MS, 26 * MS)

    assert not in_time
    assert allowance.rests(500 * MS)
    assert not allowance.rests(1_000 * MS)
    assert (allowance.rests_until, dict(allowance.drops), reasons) == (0, {"time": 1}, [])


def seconds(allowance: Allowance, begins: Callable[[int], int], count: int) -> None:
    for number in range(count):
        allowance.spend(begins(number), begins(number) + 11 * MS)


def test_monitor_that_uses_its_time_up_in_several_seconds_on_end_is_stopped() -> None:
    allowance, reasons = made(time_ms=10)

    seconds(allowance, lambda number: number * SECOND, SECONDS_OVER - 1)
    before = list(reasons)
    seconds(allowance, lambda number: (number + SECONDS_OVER - 1) * SECOND, 1)

    assert before == []
    assert reasons == [f"it took more than 10 ms in each of {SECONDS_OVER} seconds"]


def test_seconds_that_do_not_follow_each_other_stop_nobody() -> None:
    allowance, reasons = made(time_ms=10)

    seconds(allowance, lambda number: number * 3 * SECOND, 10)

    assert reasons == []


def test_second_that_was_not_used_up_ends_the_run() -> None:
    allowance, reasons = made(time_ms=10)

    for number in range(12):
        allowance.spend(number * SECOND, number * SECOND + (11 if number % 3 else 1) * MS)

    assert reasons == []


def test_one_action_that_takes_seconds_counts_once_each_time() -> None:
    allowance, reasons = made(time_ms=10)

    for number in range(SECONDS_OVER):
        allowance.spend(number * 5 * SECOND, (number + 1) * 5 * SECOND)

    assert len(reasons) == 1


def test_run_of_errors_is_ended_by_a_success() -> None:
    allowance, _ = made(errors=2)

    found = [allowance.fail("A", "before")]
    allowance.succeed("A", "before")
    found += [allowance.fail("A", "before"), allowance.fail("B", "before"), allowance.fail("A", "before")]

    assert found == [(True, False), (False, False), (True, False), (False, True)]


def test_new_limits_hold_at_once_and_the_counts_stay() -> None:
    allowance, _ = made(rate=1, time_ms=10)
    allowance.spend(0, 11 * MS)
    for i in range(3):
        allowance.may_emit(i)

    allowance.begin_anew(Limits(rate=10))

    assert allowance.may_emit(5)
    assert (allowance.rests_until, allowance.drops["rate"]) == (0, 2)


def test_error_in_stopping_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    def stop(reason: str) -> None:
        raise RuntimeError(reason)

    Allowance(DEFAULT, stop).stop("it hangs")

    assert "could not be switched off" in caplog.text
