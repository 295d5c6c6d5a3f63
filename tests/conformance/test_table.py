"""The conformance table says what the tests say."""

import pytest

from tests.conformance.table import files_by_row, ids_in, rows


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("test_x5_repeats", ["X5"]),
        ("test_X1_X2_times_out", ["X1", "X2"]),
        ("test_d13_figure_3", ["D13"]),
        ("test_s_curve", []),
        ("test_t1", []),
        ("test_dialog_d1_opens", []),
    ],
)
def test_name_of_a_test_says_its_rows(name: str, ids: list[str]) -> None:
    assert ids_in(name) == ids


def test_every_row_is_listed_once_and_has_a_mark() -> None:
    found = [row.id for row in rows()]

    assert len(found) == len(set(found)) > 90
    assert {row.mark for row in rows()} == {"M", "P", "B"}


def test_every_id_in_the_name_of_a_test_is_a_row() -> None:
    assert set(files_by_row()) - {row.id for row in rows()} == set()


def test_row_without_a_test_is_not_held_and_one_that_misses_something_is_held_partly() -> None:
    states = {(bool(row.tests), bool(row.missing)): row.state for row in rows()}

    assert states[True, False] == "held"
    assert states[False, False] == "not"
    assert states[True, True] == "partly"
