import sys
from collections.abc import Iterator
from time import perf_counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaver.redaction import HIDDEN, Bounds, Room, hide, hide_secrets, plain, plain_texts, show
from weaver.secret_text import SECRET_NAMES

ITEMS, LENGTH = Bounds().items, Bounds().length
LETTERS = st.text(st.sampled_from("abcXYZ0189"), min_size=8, max_size=20)


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


@pytest.fixture(autouse=True)
def _as_at_the_start() -> Iterator[None]:
    yield
    hide()


@pytest.fixture
def _pin_is_hidden() -> None:
    hide(["PIN", "X-Account-Number"])


@pytest.mark.usefixtures("_pin_is_hidden")
def test_value_of_a_hidden_name_is_never_shown() -> None:
    assert show(1234, allowed=True, name="pin") == HIDDEN
    assert show("1234", allowed=True, name="pins") == "'1234'"
    assert plain([{"x_account_number": "x"}, [{"Pin": 1234}]]) == [{"x_account_number": HIDDEN}, [{"Pin": HIDDEN}]]


def test_name_that_is_not_secret_is_shown_unless_the_configuration_says_otherwise() -> None:
    assert show(1234, name="pin") == "1234"


@pytest.mark.parametrize("name", ["Authorization", "proxy-authorization", "Set-Cookie", "PASSWORD", "access_token"])
def test_secret_names_are_hidden_by_default(name: str) -> None:
    assert show("x", allowed=True, name=name) == HIDDEN
    assert plain({name: "x"}) == {name: HIDDEN}


MESSAGE = """INVITE sip:bob@example.com SIP/2.0
From: <sip:alice@example.com>;tag=1
Proxy-Authorization: Digest username="alice", realm="r",
 nonce="SECRET1", response="SECRET2"
authorization : Digest response="SECRET3"
Cookie: session=SECRET4
Content-Type: application/sdp

v=0
k=clear:SECRET5
m=audio 4000 RTP/SAVP 0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET6
a=sendrecv
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_message_is_shown_without_its_secrets(end: str) -> None:
    shown = hide_secrets(MESSAGE.replace("\n", end)).replace(end, "\n")

    assert "SECRET" not in shown
    assert [line for line in MESSAGE.splitlines() if line not in shown] == [
        line for line in MESSAGE.splitlines() if "SECRET" in line or "Digest" in line
    ]
    assert f"a=crypto:{HIDDEN}\na=sendrecv" in shown
    assert f"Cookie: {HIDDEN}\nContent-Type" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("login password=hunter2&next=/", f"login password={HIDDEN}&next=/"),
        ('token = "a b c" done', f"token = {HIDDEN} done"),
        ("sent Bearer abcdef.ghi", f"sent Bearer {HIDDEN}"),
        ('Digest username="a", response="b"', f"Digest {HIDDEN}"),
        ("a digest of the news; basic things", "a digest of the news; basic things"),
        ("ok=1: tokens", "ok=1: tokens"),
        ("sent Cookie: a=b", f"sent Cookie: {HIDDEN}"),
        ('{"password": "x"}', f'{{"password": {HIDDEN}'),
    ],
)
def test_secrets_inside_a_line_are_hidden(text: str, shown: str) -> None:
    assert hide_secrets(text) == plain(text) == shown
    assert show(text, allowed=True) == repr(shown)
    assert show(text.encode(), allowed=True) == repr(shown.encode())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_secrets_of_a_message_are_hidden_in_its_literal_too(end: str) -> None:
    shown = hide_secrets(repr(MESSAGE.replace("\n", end).encode()))

    assert "SECRET" not in shown
    assert shown.startswith("b'INVITE sip:bob@example.com SIP/2.0")


@given(st.sampled_from(sorted(SECRET_NAMES)), LETTERS, st.sampled_from(["{}: {}", "a\n{}:{}\nb", "x {}={} y"]))
def test_secret_in_a_text_comes_out_nowhere(name: str, secret: str, form: str) -> None:
    text = form.format(name.replace("_", "-"), secret)

    found = [plain(text), plain({"a": [text]}), show(text, allowed=True), show([text], allowed=True)]

    assert [one for one in found if secret in str(one)] == []


def test_hashes_tell_equal_values_and_nothing_else() -> None:
    hide(mode="hash", key="k")
    one, same, other = show("alice"), show("alice"), show("bob")
    hide(mode="hash", key="another")

    assert one == same != other
    assert one != show("alice")
    assert (len(one), len(other)) == (17, 17)
    assert plain("Cookie: a") == f"Cookie: {show('a')}"


def test_hash_of_a_hidden_name_is_that_of_its_value() -> None:
    hide(mode="hash", key="k")

    found = plain({"password": "x", "token": 7, "secret": Rude(), "cookie": b"x", "ha1": True})

    assert isinstance(found, dict)
    assert found["password"] == found["cookie"] == show("x")
    assert len({*found.values()}) == 4


def test_dropped_values_leave_nothing() -> None:
    hide(mode="drop")

    assert show("alice") == ""
    assert plain({"password": "x", "a": 1}) == {"a": 1}
    assert hide_secrets("A: b\nCookie: c\nD: e") == "A: b\n\nD: e"


def test_bounds_can_be_set() -> None:
    hide(bounds=Bounds(length=16, items=2, depth=1))

    assert plain({"text": "x" * 99, "list": [1]}) == {"text": "x" * 13 + "...", "list": "<builtins.list>"}
    assert plain([1, 2, 3]) == [1, 2]


def test_payload_is_bounded_in_all_and_says_that_it_was_cut() -> None:
    room = Room()

    found = plain({f"k{i}": {f"k{j}": ["x" * 256] * 20 for j in range(20)} for i in range(20)}, room=room)

    assert room.is_over
    assert 10_000 < len(msgspec.json.encode(found)) < 3 * Bounds().size


def test_payload_that_fits_is_whole() -> None:
    room = Room()

    plain({"a": ["b"] * ITEMS}, room=room)

    assert not room.is_over


def test_more_items_than_are_shown_are_noticed() -> None:
    room = Room()

    plain({"a": list(range(ITEMS + 1))}, room=room)

    assert room.is_over


def test_texts_of_an_action_are_bounded_too() -> None:
    found = plain_texts(["x" * 9_999, 7, Rude()] * 99, Room())

    assert found is not None
    assert all(len(text) <= LENGTH for text in found)
    assert len(found) <= ITEMS
    assert plain_texts("text", Room()) is None


@pytest.mark.parametrize("text", ["cookie:" * 4_000, "a=" * 9_000, "digest " * 4_000, "\n " * 9_000, 'token="' * 4_000])
def test_hostile_text_takes_time_in_proportion_to_its_length(text: str) -> None:
    assert time_of(text * 4) < 16 * time_of(text)


def time_of(text: str) -> float:
    def once() -> float:
        began = perf_counter()
        hide_secrets(text)
        return perf_counter() - began

    return min(once() for _ in range(3))
