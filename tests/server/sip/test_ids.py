from collections.abc import Callable

import pytest

from server.sip.ids import Ids, key_of_token

KEY = "0123456789abcdef0123"


def counted() -> Callable[[int], bytes]:
    count = 0

    def random_bytes(length: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(2, "big") * (length // 2)

    return random_bytes


def test_call_key_stands_in_tags_and_branches() -> None:
    ids = Ids(counted())

    tag, branch = ids.mint_tag(KEY), ids.mint_branch(KEY)

    assert (tag, branch) == ("00010001." + KEY, "z9hG4bK000100010001." + KEY)
    assert key_of_token(tag) == key_of_token(branch) == KEY


def test_digits_are_used_once() -> None:
    ids = Ids(lambda length: bytes(range(256)) * (length // 256))
    ids.BATCH = 256

    taken = [ids.call_id() for _ in range(21)]

    assert "".join(taken) == bytes(range(252)).hex()
    assert len(set(taken)) == 21


def test_new_bytes_are_taken_when_the_pool_is_empty() -> None:
    ids = Ids(counted())
    ids.BATCH = 16

    assert [ids.call_key() for _ in range(2)] == ["0001" * 5, "0002" * 5]


@pytest.mark.parametrize("token", ["", KEY, "x" + KEY, "x." + KEY.upper(), "x." + KEY[1:], "." + KEY[:-1] + "g"])
def test_token_of_somebody_else_has_no_key(token: str) -> None:
    assert key_of_token(token) is None
