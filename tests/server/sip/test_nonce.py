import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.sip.nonce import WINDOW, NonceCounts, make_nonce, time_of

KEY, REALM = b"secret", "example.com"


def test_nonce_is_known_again_with_its_time() -> None:
    assert time_of(make_nonce(KEY, REALM, 1234.567, b"\1\2"), KEY, REALM) == 1234.567


@pytest.mark.parametrize("nonce", ["", "x", "4d2.00.", "zz.00.00", "..", "\udcff"])
def test_nonce_of_somebody_else_is_not(nonce: str) -> None:
    assert time_of(nonce, KEY, REALM) is None


def test_nonce_belongs_to_one_key_and_one_realm() -> None:
    nonce = make_nonce(KEY, REALM, 1.0, b"r")

    assert time_of(nonce, b"other", REALM) is None
    assert time_of(nonce, KEY, "example.net") is None
    assert time_of("f" + nonce, KEY, REALM) is None


def test_count_is_taken_once() -> None:
    counts = NonceCounts()

    assert [counts.take("n", 1.0, count) for count in (1, 1, 3, 2, 2, 3, 4)] == [
        True, False, True, True, False, False, True,
    ]  # fmt: skip
    assert counts.take("m", 1.0, 1)


def test_count_far_behind_the_highest_is_not_taken() -> None:
    counts = NonceCounts()
    assert counts.take("n", 1.0, 1000)

    assert counts.take("n", 1.0, 1000 - WINDOW + 1)
    assert not counts.take("n", 1.0, 1000 - WINDOW)
    assert not counts.take("n", 1.0, 1000)


@given(st.lists(st.integers(1, 200), max_size=60))
def test_no_count_is_taken_twice_in_whatever_order(order: list[int]) -> None:
    counts = NonceCounts()
    taken = [count for count in order if counts.take("n", 1.0, count)]

    assert len(taken) == len(set(taken))
    highest = 0
    for count in order:
        assert count in taken or count <= highest - WINDOW
        highest = max(highest, count)


def test_forgotten_nonce_is_not_taken_again() -> None:
    counts = NonceCounts(limit=2)
    first, second, third = (make_nonce(KEY, REALM, now, b"r") for now in (1.0, 2.0, 3.0))
    for made, nonce in ((1.0, first), (2.0, second), (3.0, third)):
        assert counts.take(nonce, made, 1)

    assert len(counts) == 2
    assert not counts.take(first, 1.0, 2)
    assert counts.take(second, 2.0, 2)
    assert counts.take(make_nonce(KEY, REALM, 4.0, b"r"), 4.0, 1)
