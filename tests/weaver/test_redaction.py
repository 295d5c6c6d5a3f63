import sys
from collections.abc import Iterator

import msgspec
import pytest

from weaver.redaction import HIDDEN, ITEMS, LENGTH, hide, plain, show


class Rude:
    def __repr__(self) -> str:
        raise AssertionError("the program's code must not run")

    __str__ = __repr__


class RudeText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("the program's code must not run")


@pytest.mark.parametrize("value", ["secret", b"secret", ["secret"], ("a", ["secret"])])
def test_text_is_hidden_unless_allowed(value: object) -> None:
    assert "secret" not in show(value)
    assert "secret" in show(value, allowed=True)


def test_hidden_text_does_not_tell_its_length() -> None:
    assert show("a") == show("a" * 99) == HIDDEN


@pytest.mark.parametrize("value", [Rude(), [Rude()], RudeText("x"), {"a": Rude()}])
def test_no_code_of_the_program_runs(value: object) -> None:
    assert "Rude" in show(value, allowed=True) or "dict" in show(value, allowed=True)


@pytest.mark.parametrize("value", ["x" * 10_000, b"x" * 10_000, [["y" * 500] * 500] * 500, list(range(10**5))])
def test_length_is_bounded(value: object) -> None:
    assert len(show(value, allowed=True)) <= LENGTH


def test_very_large_integer_is_named_by_its_size() -> None:
    assert show(1 << 20_000) == "<int of 20001 bits>"
    assert show(sys.maxsize) == str(sys.maxsize)


@pytest.mark.parametrize(
    "value", ["a\udcffb", {"k\udcff": [Rude(), 1 << 99]}, [set(range(1000))], 1.5, None, True, float("nan"), 1 << 64]
)
def test_plain_value_can_always_be_written(value: object) -> None:
    assert msgspec.json.encode(plain(value))


def test_plain_value_is_bounded_and_keeps_numbers() -> None:
    found = plain({"n": 7, "text": "x" * 9_999, "many": list(range(999))})

    assert isinstance(found, dict)
    assert found["n"] == 7
    assert len(found["text"]) <= LENGTH
    assert len(found["many"]) == ITEMS


@pytest.fixture
def _pin_is_hidden() -> Iterator[None]:
    hide(["PIN", "Authorization"])
    yield
    hide(())


@pytest.mark.usefixtures("_pin_is_hidden")
def test_value_of_a_hidden_name_is_never_shown() -> None:
    assert show(1234, allowed=True, name="pin") == HIDDEN
    assert show("1234", allowed=True, name="pins") == "'1234'"
    assert plain({"authorization": "Digest x", "a": [{"Pin": 1234}]}) == {
        "authorization": HIDDEN, "a": [{"Pin": HIDDEN}]
    }  # fmt: skip


def test_no_name_is_hidden_unless_the_configuration_says_so() -> None:
    assert show(1234, name="pin") == "1234"
