"""A small part of the exploration suite: what ``make explore`` does with all packages and all tests."""

import importlib.util
from dataclasses import replace

import pytest

from tests.woven.explore import Run, differences, explore, unproven
from tests.woven.subjects import SUBJECTS, Subject

SOME_OF_THE_SERVER = replace(
    SUBJECTS["server"], arguments=("tests/server/sip/test_dialog.py", "tests/server/sip/test_transaction.py")
)
SMALL = {"contextlib": SUBJECTS["contextlib"], "generators": SUBJECTS["generators"], "server": SOME_OF_THE_SERVER}


def is_there(subject: Subject) -> bool:
    return subject.runner == "pytest" or importlib.util.find_spec("test.test_contextlib") is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_suite_ends_woven_as_it_does_plain(name: str) -> None:
    if not is_there(SMALL[name]):
        pytest.skip("this Python comes without the tests of its standard library")

    explored = explore(SMALL[name])

    assert explored.faults == []
    assert explored.runs["plain"].counts["passed"] > 30


def made(state: str, outcomes: dict[str, str], **proof: int) -> Run:
    return Run(state, outcomes, proof, "", 0.0)


def test_test_that_ends_otherwise_or_is_missing_is_a_difference() -> None:
    plain = made("plain", {"a": "passed", "b": "skipped", "c": "failed"})

    found = differences(plain, made("match", {"a": "failed", "b": "skipped", "d": "passed"}))

    assert found == ["a: passed, now failed", "c: failed, now not run", "d: not run, now passed"]


def test_test_that_sees_the_weaving_has_to_end_otherwise() -> None:
    plain = made("plain", {"a": "passed", "b": "passed"})

    found = differences(plain, made("match", {"a": "failed", "b": "passed"}), ["a", "b"])

    assert found == ["b: it does not see the weaving"]


@pytest.mark.parametrize(
    ("state", "woven", "entered", "words"),
    [
        ("off", 1, 0, ["it is not so that nothing is woven"]),
        ("off", 0, 0, []),
        ("mismatch", 0, 0, ["it is not so that functions are woven"]),
        ("mismatch", 2, 1, ["it is not so that no advice ran"]),
        ("match", 2, 0, ["it is not so that advice ran"]),
        ("match", 2, 9, []),
        ("places", 0, 0, ["it is not so that functions are woven", "it is not so that advice ran"]),
    ],
)
def test_state_without_proof_is_found(state: str, woven: int, entered: int, words: list[str]) -> None:
    assert unproven(made(state, {}, woven=woven, entered=entered, failures=0)) == words


def test_run_that_ends_early_is_found() -> None:
    assert unproven(made("match", {})) == ["it did not come to its end: "]
