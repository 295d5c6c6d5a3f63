"""Nonces: when they were made, that they are ours, and which of their counts were used.

Shape: a nonce is ``TIME.RANDOM.SEAL``: milliseconds and random bytes in hexadecimal digits, and a keyed hash of both
and of the realm, so that who has the key knows it again and nobody else can make one.
"""

from __future__ import annotations

from collections import OrderedDict
from hmac import compare_digest
from hmac import new as keyed_hash

WINDOW = 64
"""How far behind the highest one a nonce count may come: requests overtake each other."""


class NonceCounts:
    """The counts that were used with each nonce, of a bounded number of nonces.

    A nonce that had to be forgotten is not taken any more, nor is any that is as old: nothing can be replayed.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._used: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._forgotten = float("-inf")

    def __len__(self) -> int:
        return len(self._used)

    def take(self, nonce: str, made: float, count: int) -> bool:
        """Use a count of a nonce; say whether it was unused."""
        highest, bits = self._used.get(nonce, (0, 0))
        if not bits and made <= self._forgotten:
            return False
        ahead = count - highest
        if ahead > 0:
            bits = ((bits << ahead) | 1) & (2**WINDOW - 1) if ahead < WINDOW else 1
            highest = count
        elif -ahead >= WINDOW or bits >> -ahead & 1:
            return False
        else:
            bits |= 1 << -ahead
        self._used[nonce] = highest, bits
        if len(self._used) > self._limit:
            oldest, _ = self._used.popitem(last=False)
            self._forgotten = max(self._forgotten, _stamp(oldest))
        return True


def make_nonce(key: bytes, realm: str, now: float, random: bytes) -> str:
    """Return a new nonce."""
    begin = f"{int(now * 1000):x}.{random.hex()}"
    return f"{begin}.{_seal(key, realm, begin)}"


def time_of(nonce: str, key: bytes, realm: str) -> float | None:
    """Return when a nonce was made, None for one that is not ours.

    Units: seconds on the clock that it was made with.
    """
    begin, _, seal = nonce.rpartition(".")
    return _stamp(nonce) if compare_digest(to_bytes(_seal(key, realm, begin)), to_bytes(seal)) else None


def to_bytes(text: str) -> bytes:
    """Return text of a header as the bytes that it came as."""
    return text.encode("utf-8", "surrogateescape")


def _seal(key: bytes, realm: str, begin: str) -> str:
    return keyed_hash(key, to_bytes(f"{begin}:{realm}"), "sha256").hexdigest()[:32]


def _stamp(nonce: str) -> float:
    return int(nonce.partition(".")[0], 16) / 1000
