from types import SimpleNamespace

import pytest

from monitors.message_facts import Facts
from monitors.throttle import throttle

REQUEST = Facts(SimpleNamespace(method="INVITE"), item=object())
HTTP = Facts(request=SimpleNamespace())


def dyed(interval: str, rate: str, moments: list[float], facts: Facts = REQUEST) -> list[float]:
    """The moments at which a request gets the flag."""
    at = [0.0]
    test = throttle(interval, rate, lambda: at[0])
    found = []
    for at[0] in moments:
        if test(facts):
            found.append(at[0])
    return found


def test_interval_dyes_a_request_when_the_last_dyed_one_is_so_long_ago() -> None:
    assert dyed("1000", "", [0.0, 0.5, 0.999, 1.0, 1.9, 2.5, 3.4, 3.5]) == [0.0, 1.0, 2.5, 3.5]


def test_rate_dyes_every_nth_request() -> None:
    assert dyed("", "3", [1, 2, 3, 4, 5, 6, 7]) == [3, 6]
    assert dyed("", "1", [1, 2]) == [1, 2]


def test_either_of_both_dyes_and_counts_as_the_last() -> None:
    assert dyed("1000", "2", [0.0, 0.1, 0.2, 0.3, 1.2, 1.4]) == [0.0, 0.1, 0.3, 1.4]


def test_nothing_is_dyed_without_either() -> None:
    assert dyed("0", "0", [0.0, 10.0]) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (REQUEST, True),
        (HTTP, True),
        (Facts(SimpleNamespace(method="INVITE")), False),
        (Facts(SimpleNamespace(method="INVITE", status=180), item=object()), False),
        (Facts(item=object()), False),
    ],
    ids=["SIP request", "HTTP request", "leaves", "response", "timer"],
)
def test_only_requests_that_enter_are_counted(facts: Facts, expected: bool) -> None:
    assert throttle("", "1")(facts) is expected


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "1" * 20, "\u0661"])
def test_number_that_makes_no_sense_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="THROTTLE_RATE must be a whole number"):
        throttle("", value)
