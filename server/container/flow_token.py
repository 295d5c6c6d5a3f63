"""Flow tokens: the connection of a phone, sealed into the user part of a Path entry of ours (RFC 5626 5.2).

What comes back with such an entry as its Route goes over that connection and no other. The seal is ours alone, so that
nobody can have us send to where he likes.

Shape: ``flow-`` and base64url of eight bytes of seal and the flow in msgpack.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from server.transport.flow import Flow

PREFIX = "flow-"
SEAL = 8
"""Bytes of the seal: a guess costs a request, and gains a datagram."""

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Flow).decode


class FlowTokens:
    """Makes tokens and knows them again; ``key`` is the secret of one engine, as its connections are."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, flow: Flow) -> str:
        """Return the token of a flow."""
        data = _ENCODE(flow)
        return PREFIX + urlsafe_b64encode(self._seal(data) + data).decode().rstrip("=")

    def read(self, token: str) -> Flow | None:
        """Return the flow of a token, None for one that is not ours."""
        text = token.removeprefix(PREFIX)
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (Error, ValueError):
            return None
        seal, data = raw[:SEAL], raw[SEAL:]
        return _DECODE(data) if compare_digest(seal, self._seal(data)) else None

    def _seal(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=SEAL, key=self._key).digest()
