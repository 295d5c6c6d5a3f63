from math import inf

from hypothesis import given
from hypothesis import strategies as st

from server.state.deadlines import Deadlines

NAMES = st.sampled_from("abcd")
TIMES = st.integers(0, 9).map(float)
STEPS = st.lists(
    st.tuples(st.just("set"), NAMES, TIMES)
    | st.tuples(st.just("clear"), NAMES, TIMES)
    | st.tuples(st.just("take"), NAMES, TIMES),
    max_size=60,
)


@given(STEPS)
def test_first_and_take_agree_with_a_search_through_all(steps: list[tuple[str, str, float]]) -> None:
    deadlines = Deadlines()
    known: dict[str, float] = {}

    for step, name, time in steps:
        if step == "set":
            deadlines.set(name, time)
            known[name] = time
        elif step == "clear":
            deadlines.clear(name)
            known.pop(name, None)
        else:
            taken = deadlines.take(time)
            assert (taken is None) == (min(known.values(), default=inf) > time)
            assert taken is None or known.pop(taken) <= min(known.values(), default=inf)
        assert (deadlines.first(), deadlines.at) == (min(known.values(), default=inf), known)


def test_deadline_that_moves_on_before_it_is_due_takes_no_more_place() -> None:
    deadlines = Deadlines()

    for at in range(1000):
        deadlines.set("call", float(at))

    assert (len(deadlines._heap), deadlines.first()) == (1, 999.0)


def test_places_that_are_left_behind_are_cleared_away() -> None:
    deadlines = Deadlines()

    for at in range(1000, 0, -1):
        deadlines.set("call", float(at))

    assert (len(deadlines._heap) <= 65, deadlines.first(), len(deadlines)) == (True, 1.0, 1)
