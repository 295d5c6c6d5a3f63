"""Who is on the other end of the admin socket, and what he may do."""

from __future__ import annotations

import enum
import socket
import struct
from dataclasses import dataclass

ROOT = 0


class Role(enum.IntEnum):
    """What a client may do; each role may do what the ones before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Credentials:
    """The process on the other end of a Unix socket, as the kernel vouches for it."""

    pid: int
    uid: int
    gid: int


def peer_credentials(connection: socket.socket) -> Credentials:
    """Return the credentials of the connected process.

    Errors: OSError when the connection is gone.
    Source: unix(7), SO_PEERCRED.
    """
    size = struct.calcsize("iII")
    return Credentials(*struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)))


def role_of(credentials: Credentials, own_uid: int) -> Role | None:
    """Return the role of a client, None for a stranger: the user who runs this process and root may do everything."""
    return Role.ADMIN if credentials.uid in {own_uid, ROOT} else None
