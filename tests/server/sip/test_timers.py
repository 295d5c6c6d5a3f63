import pytest

from server.sip.timers import DOUBLES_TO_T2, REPEATS, RETIRING, TIMERS, TimerSettings, first_wait, next_wait

SETTINGS = TimerSettings()
UNRELIABLE = {
    "A": 0.5, "B": 32.0, "D": 32.0, "E": 0.5, "F": 32.0, "G": 0.5, "H": 32.0, "I": 5.0, "J": 32.0, "K": 5.0, "L": 32.0,
    "M": 32.0, "T": 3.5,
}  # fmt: skip
RELIABLE = {
    "A": None, "B": 32.0, "D": 0.0, "E": None, "F": 32.0, "G": None, "H": 32.0, "I": 0.0, "J": 0.0, "K": 0.0, "L": 32.0,
    "M": 32.0, "T": 3.5,
}  # fmt: skip


def test_X16_timers_have_the_waits_of_table_4_on_an_unreliable_transport() -> None:
    assert {name: first_wait(name, reliable=False, settings=SETTINGS) for name in TIMERS} == UNRELIABLE


def test_X16_timers_have_the_waits_of_table_4_on_a_reliable_transport() -> None:
    assert {name: first_wait(name, reliable=True, settings=SETTINGS) for name in TIMERS} == RELIABLE


@pytest.mark.parametrize("scale", [0.1, 2.0])
def test_X16_scaled_base_values_scale_every_wait(scale: float) -> None:
    scaled = TimerSettings(t1=0.5 * scale, t2=4.0 * scale, t4=5.0 * scale)

    for name, wait in UNRELIABLE.items():
        assert first_wait(name, reliable=False, settings=scaled) == pytest.approx(wait * scale)


@pytest.mark.parametrize("name", sorted(REPEATS))
def test_retransmission_waits_double_and_only_those_of_e_and_g_stop_at_t2(name: str) -> None:
    waits = [0.5]
    while len(waits) < 6:
        waits.append(next_wait(name, waits[-1], SETTINGS))

    assert waits == ([0.5, 1.0, 2.0, 4.0, 4.0, 4.0] if name in DOUBLES_TO_T2 else [0.5, 1.0, 2.0, 4.0, 8.0, 16.0])


@pytest.mark.parametrize("name", sorted(set(TIMERS) - REPEATS))
def test_timer_that_does_not_repeat_has_no_next_wait(name: str) -> None:
    with pytest.raises(KeyError):
        next_wait(name, 0.5, SETTINGS)


def test_timers_that_only_retire_are_d_and_i_to_m() -> None:
    assert set("DIJKLM") == RETIRING
