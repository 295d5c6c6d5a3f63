"""One thread at a time weaves; what somebody left to be done is done when it is free."""

from typing import Any

import pytest

from tests.weaver.targets import Recording, in_a_thread, make_module, make_registry, monitor
from weaver import exclusion
from weaver.errors import WeavingBusyError
from weaver.exclusion import Exclusion


def test_what_is_left_while_it_is_free_is_done_at_once() -> None:
    done: list[int] = []

    Exclusion().soon(lambda: done.append(1))

    assert done == [1]


def test_what_is_left_by_the_thread_that_has_it_is_done_when_it_leaves() -> None:
    one, done = Exclusion(), list[int]()

    with one:
        with one:
            one.soon(lambda: done.append(1))
        before = list(done)

    assert (before, done) == ([], [1])


def test_what_another_thread_leaves_waits_for_who_has_it_and_not_the_thread() -> None:
    one, done = Exclusion(), list[int]()

    with one:
        in_a_thread(lambda: one.soon(lambda: done.append(1)))
        before = list(done)

    assert (before, done) == ([], [1])


def test_failure_of_what_was_left_reaches_nobody(caplog: pytest.LogCaptureFixture) -> None:
    one, done = Exclusion(), list[int]()

    with one:
        one.soon(lambda: 1 // 0)
        one.soon(lambda: done.append(1))

    assert done == [1]
    assert "ZeroDivisionError" in caplog.text


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusion, "WAIT_SECONDS", 0.001)
    one, told = Exclusion(), list[str]()

    def enter() -> None:
        try:
            with one:
                raise AssertionError("it is not free")
        except WeavingBusyError as error:
            told.append(str(error))

    with one:
        in_a_thread(enter)

    assert told == ["another thread has been weaving for 0.001 s; try again"]
    in_a_thread(one.__enter__)  # free again


def test_who_may_not_wait_is_told_at_once_when_another_thread_has_it() -> None:
    one, told = Exclusion(), list[str]()

    def attempt() -> None:
        try:
            with one.at_once():
                told.append("free")
        except WeavingBusyError:
            told.append("busy")

    with one:
        attempt()
        in_a_thread(attempt)
    in_a_thread(attempt)

    assert told == ["free", "busy", "free"]


def test_what_is_left_again_and_again_is_done_once() -> None:
    one, done = Exclusion(), list[int]()

    def action() -> None:
        done.append(1)

    with one:
        for _ in range(100):
            one.soon(action)

    assert done == [1]


def test_recursion_to_the_limit_keeps_nobody_out() -> None:
    one, done = Exclusion(), list[int]()

    def deeper() -> None:
        one.soon(lambda: done.append(1))
        with one:
            deeper()

    with pytest.raises(RecursionError):
        deeper()
    in_a_thread(one.__enter__)

    assert done


def test_forked_child_is_not_kept_out_by_a_thread_that_it_has_not() -> None:
    one, done = Exclusion(), list[int]()
    in_a_thread(one.__enter__)  # a thread that is in, and gone

    one.forget()
    one.soon(lambda: done.append(1))

    assert done == [1]


def test_monitor_gives_up_when_the_change_that_is_being_made_is_done() -> None:
    class Failing(Recording):
        def run(self, invocation: Any) -> None:
            raise ValueError("no")

    module = make_module("def called(): ...", "exclusion_target")
    registry = make_registry(Failing())
    registry.on_module(module)
    registry.add(monitor("Fails", "exclusion_target.called", "before"))
    registry.set("Fails", enabled=True, actions=["Recording"])

    with registry.exclusion:
        for _ in range(7):
            in_a_thread(module.called)
        before = registry.get("Fails")["enabled"]
    status = registry.get("Fails")

    assert (before, status["enabled"]) == (True, False)
    assert status["notice"] == "switched off: Recording failed 5 times in a row"
    assert [notice.source for notice in registry.notices.recent()] == ["Fails"]
