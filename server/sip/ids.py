"""Identifiers that we mint: tags, branches, Call-IDs, call keys. The call key stands in every tag and branch.

Shape: a tag is ``RANDOM.KEY``, a branch ``z9hG4bKRANDOM.KEY``; a key is twenty lower-case hexadecimal digits.
"""

from __future__ import annotations

from collections.abc import Callable

KEY_LENGTH = 20
_HEX = frozenset("0123456789abcdef")

MAGIC_COOKIE = "z9hG4bK"
"""Begins every branch that is unique (RFC 3261 8.1.1.7)."""


def key_of_token(token: str) -> str | None:
    """Return the call key in a tag, a branch or a session id of ours, None when there is none."""
    key = token[-KEY_LENGTH:]
    if len(token) <= KEY_LENGTH or token[-KEY_LENGTH - 1] != "." or not _HEX.issuperset(key):
        return None
    return key


class Ids:
    """Mints identifiers from a source of random bytes."""

    BATCH = 2_048

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._pool = ""
        self._used = 0

    def mint_tag(self, key: str) -> str:
        """Return a new tag for a call (32 random bits; RFC 3261 19.3)."""
        return f"{self._take(8)}.{key}"

    def mint_branch(self, key: str) -> str:
        """Return a new branch for a call."""
        return f"{MAGIC_COOKIE}{self._take(12)}.{key}"

    def call_id(self) -> str:
        """Return a new Call-ID."""
        return self._take(24)

    def call_key(self) -> str:
        """Return a new call key."""
        return self._take(KEY_LENGTH)

    def below(self, limit: int) -> int:
        """Return a random number from 0 to below a limit."""
        return int(self._take(8), 16) % limit

    def _take(self, digits: int) -> str:
        begin = self._used
        self._used = end = begin + digits
        if end > len(self._pool):
            self._pool = self._random_bytes(self.BATCH).hex()
            begin, self._used = 0, digits
            end = digits
        return self._pool[begin:end]
