"""Who is trusted."""

import pytest

from server.errors import ConfigError
from server.transport.trust import NOBODY, Trust


@pytest.mark.parametrize(
    ("host", "is_trusted"),
    [("192.0.2.1", True), ("192.0.2.2", False), ("2001:db8::7", True), ("2001:db9::7", False), ("name.example", False)],
)
def test_trusted_is_who_is_named_and_nobody_else(host: str, is_trusted: bool) -> None:
    assert (host in Trust(["192.0.2.1", "2001:db8::/32"])) is is_trusted


def test_nobody_is_trusted_who_was_not_named() -> None:
    assert "127.0.0.1" not in NOBODY


def test_every_entry_that_is_no_address_is_a_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        Trust(["10.0.0.0/8", "here", "10.0.0.1/8"])

    assert [fault.partition(": ")[0] for fault in caught.value.faults] == ["sip.trusted"] * 2
