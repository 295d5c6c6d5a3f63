"""A UDP socket that is bound to every address: which of them a datagram came to, and which one goes out from.

The answer must come from where the question went (RFC 3581 4); left alone, the kernel takes whatever address its routes
prefer. Both are told in ancillary data of Linux (ip(7), ipv6(7)).
"""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

WILDCARDS = frozenset({"0.0.0.0", "::"})

_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_INFO4 = struct.Struct("=i4s4s")
"""Shape: interface, local address, address in the header (struct in_pktinfo)."""
_INFO6 = struct.Struct("=16si")
"""Shape: local address, interface (struct in6_pktinfo)."""
_ANCILLARY = socket.CMSG_SPACE(_INFO6.size)

Address = tuple[str, int]


def ask_for_local_address(bound: socket.socket) -> None:
    """Have the kernel say where each datagram came to."""
    if bound.family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    else:
        bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def receive_from(bound: socket.socket, size: int) -> tuple[bytes, tuple[str, int, str]]:
    """Receive a datagram.

    Shape: as ``recvfrom``, with the local address behind host and port of the sender.
    Errors: OSError.
    """
    data, ancillary, _, address = bound.recvmsg(size, _ANCILLARY)
    local = bound.getsockname()[0]
    for level, kind, content in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            local = str(ip_address(_INFO4.unpack(content)[1]))
        elif (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            local = str(ip_address(_INFO6.unpack(content)[0]))
    return data, (address[0], address[1], local)


def send_to(bound: socket.socket, local: str, data: bytes, address: Address) -> None:
    """Send a datagram from a local address; from any when it is a wildcard.

    Errors: OSError.
    """
    if local in WILDCARDS:
        bound.sendto(data, address)
        return
    packed = ip_address(local).packed
    if len(packed) == 16:
        info = [(socket.IPPROTO_IPV6, _IPV6_PKTINFO, _INFO6.pack(packed, 0))]
    else:
        info = [(socket.IPPROTO_IP, _IP_PKTINFO, _INFO4.pack(0, packed, bytes(4)))]
    bound.sendmsg([data], info, 0, address)
