import pytest

from server.testing.clock import ManualClock


def test_clock_moves_only_when_told() -> None:
    clock = ManualClock(5.0)

    before = (clock.monotonic(), clock.wall())
    clock.advance(1.5)

    assert (before, clock.monotonic(), clock.wall()) == ((5.0, 5.0), 6.5, 6.5)


def test_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="go back"):
        ManualClock().advance(-1)
