"""STUN binding requests on the SIP port: the keep-alive of phones over UDP (RFC 5626 3.5.2, RFC 5389).

Only the binding request is known; whatever else begins like STUN gets no answer.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

BINDING_REQUEST, BINDING_RESPONSE = 0x0001, 0x0101
MAGIC = 0x2112A442
XOR_MAPPED_ADDRESS = 0x0020

_HEADER = struct.Struct("!HHI12s")
"""Shape: message type, length of the attributes, magic cookie, transaction id."""
_ATTRIBUTE = struct.Struct("!HHBBH")
"""Shape: type, length, zero, family (1 IPv4, 2 IPv6), port."""


def binding_response(data: bytes, host: str, port: int) -> bytes | None:
    """Return the answer to a binding request that came from an address, None for anything else.

    Source: RFC 5389 6, 15.2.
    """
    if len(data) < _HEADER.size:
        return None
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or magic != MAGIC or length != len(data) - _HEADER.size:
        return None
    address = ip_address(host.partition("%")[0])
    packed = address.packed
    mask = (MAGIC.to_bytes(4, "big") + transaction)[: len(packed)]
    family = 1 if address.version == 4 else 2
    attribute = _ATTRIBUTE.pack(XOR_MAPPED_ADDRESS, 4 + len(packed), 0, family, port ^ MAGIC >> 16)
    attribute += bytes(one ^ other for one, other in zip(packed, mask, strict=True))
    return _HEADER.pack(BINDING_RESPONSE, len(attribute), MAGIC, transaction) + attribute
