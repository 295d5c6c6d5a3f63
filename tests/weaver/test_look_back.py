import sys
from contextvars import copy_context

import pytest

from weaver import look_back
from weaver.look_back import MARK_BYTES, RING_BYTES, LookBack, Ring, mark
from weaver.redaction import HIDDEN


@pytest.fixture
def back() -> LookBack:
    return LookBack()


def marked(back: LookBack, call: str, *words: str) -> Ring:
    ring, token = back.begin(call)
    for word in words:
        mark(word)
    back.end(token)
    return ring


def words(back: LookBack, call: str) -> list[str]:
    found = back.show(call)
    return [] if found is None else [one["word"] for one in found["marks"]]


def test_marks_go_to_the_call_that_is_worked_on(back: LookBack) -> None:
    marked(back, "a", "one", "two")
    marked(back, "b", "three")
    mark("outside")
    marked(back, "a", "four")

    assert words(back, "a") == ["one", "two", "four"]
    assert words(back, "b") == ["three"]


def test_ring_of_a_call_holds_its_last_marks(back: LookBack) -> None:
    back.resize(marks=3, calls=10, kept=10)

    marked(back, "a", *"12345")

    assert words(back, "a") == ["3", "4", "5"]


def test_call_that_ends_is_dropped_unless_it_is_kept(back: LookBack) -> None:
    for call in "ab":
        marked(back, call, "x")
    back.keep("a", "status 503")

    for call in "ab":
        back.forget(call)

    assert [one["call"] for one in back.list()] == ["a"]
    assert back.show("b") is None
    assert words(back, "a") == ["x"]


def test_call_that_is_kept_gets_its_later_marks_too(back: LookBack) -> None:
    marked(back, "a", "before")
    back.keep("a", "status 503")
    marked(back, "a", "after")

    assert words(back, "a") == ["before", "after"]


def test_first_failure_is_the_reason_and_better_than_a_dye(back: LookBack) -> None:
    marked(back, "a", "x")
    for reason in (LookBack.DYED, "status 503", "KeyError was raised", LookBack.DYED):
        assert back.keep("a", reason)

    assert [one["reason"] for one in back.list()] == ["status 503"]


def test_call_without_marks_cannot_be_kept(back: LookBack) -> None:
    assert back.keep("nobody", "x") is False


def test_call_is_found_by_each_of_its_names(back: LookBack) -> None:
    ring = marked(back, "a", "x")
    for name in ("leg-1", "leg-2", "leg-1", ""):
        ring.add_name(name)
    back.keep("a", "x")

    assert ring.names == ("leg-1", "leg-2")
    assert words(back, "leg-2") == ["x"]


def test_oldest_calls_go_when_there_are_too_many_and_are_counted(back: LookBack) -> None:
    back.resize(marks=3, calls=5, kept=2)

    for number in range(8):
        marked(back, f"c{number}", "x")
        back.keep(f"c{number}", "status 500")

    statistics = back.statistics()
    assert (statistics.calls, statistics.kept) == (5, 2)
    assert (statistics.calls_dropped, statistics.kept_dropped) == (3, 6)
    assert [one["call"] for one in back.list()] == ["c6", "c7"]


def test_calls_that_are_kept_for_their_dyes_make_room_first(back: LookBack) -> None:
    back.resize(marks=3, calls=9, kept=2)
    for call, reason in (("a", "status 500"), ("b", LookBack.DYED), ("c", "status 500")):
        marked(back, call, "x")
        back.keep(call, reason)

    assert [one["call"] for one in back.list()] == ["a", "c"]


def test_what_was_let_go_can_be_kept_again(back: LookBack) -> None:
    ring = marked(back, "a", "x")
    back.keep("a", "x")

    assert back.clear() == 1
    assert not ring.is_kept
    assert back.keep("a", "again")


def test_memory_of_a_call_is_bounded_whatever_is_marked(back: LookBack) -> None:
    ring, token = back.begin("a")
    for number in range(200):
        mark(f"{number}\U0001f600" * 200, f"\U0001f600{number}" * 200)
    back.end(token)

    assert len(ring) == 32
    assert max(bytes_of(one) for one in ring) <= MARK_BYTES
    assert sys.getsizeof(ring) + sum(map(bytes_of, ring)) <= RING_BYTES + 32 * MARK_BYTES


def bytes_of(entry: look_back.Mark) -> int:
    return sys.getsizeof(entry) + sum(map(sys.getsizeof, entry))


def test_marks_are_shown_with_their_times_and_without_secrets(back: LookBack, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([5_000_000, 7_000_000, 9_000_000])
    monkeypatch.setattr(look_back, "perf_counter_ns", lambda: next(moments))
    monkeypatch.setattr(look_back, "time_ns", lambda: 1_009_000_000)
    ring, token = back.begin("a")
    mark("in", 180)
    mark("header", "Cookie: a")
    back.end(token)

    found = back.show("a")

    assert len(ring) == 2
    assert found is not None
    assert found["marks"] == [
        {"at": 1_005, "after_ns": 0, "word": "in", "detail": 180},
        {"at": 1_007, "after_ns": 2_000_000, "word": "header", "detail": f"Cookie: {HIDDEN}"},
    ]


def test_work_that_ends_in_another_context_leaves_no_ring_behind(back: LookBack) -> None:
    _, token = copy_context().run(back.begin, "a")

    back.end(token)

    assert back.current() is None
