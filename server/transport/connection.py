"""One connection of a stream transport: its queue, and which requests it has not been heard of since."""

from __future__ import annotations

import socket
from collections import deque
from typing import NamedTuple

from gevent.event import Event

from server.transport.branch import branch_of
from server.transport.channel import Channel
from server.transport.flow import Flow

ENTRY_BYTES = 64
"""What an entry of a queue counts on top of its message, so that empty ones are bounded too."""

REMEMBERED = 1000
"""Requests sent that a connection names when it breaks; those before are ended by their timers."""


class Peer(NamedTuple):
    """Whom a connection leads to; ``name`` is the one that was verified, so that nobody else's is used for it."""

    host: str
    port: int
    name: str


class Entry(NamedTuple):
    """What waits to be sent; ``flow`` is None when nobody need know that it was lost."""

    data: bytes
    flow: Flow | None
    branch: str


class Lost(NamedTuple):
    """A message that may not have arrived."""

    flow: Flow
    branch: str


class Connection:
    """A connection, open or about to be.

    Shape: ``opened`` says that it was opened from here, ``draining`` that it is closed when the queue is empty,
    ``heard`` that nothing more is read from it.
    """

    __slots__ = (
        "_unheard",
        "channel",
        "closed",
        "draining",
        "heard",
        "name",
        "opened",
        "peer",
        "queue",
        "queue_bytes",
        "socket",
        "wake",
    )

    def __init__(self, name: str, peer: Peer, channel: Channel, *, opened: bool) -> None:
        self.name = name
        self.peer = peer
        self.channel = channel
        self.opened = opened
        self.socket: socket.socket | None = None
        self.queue: deque[Entry] = deque()
        self.queue_bytes = 0
        self.wake = Event()
        self.draining = False
        self.heard = False
        self.closed = False
        self._unheard: deque[tuple[float, Lost]] = deque(maxlen=REMEMBERED)

    def put(self, message: bytes, flow: Flow) -> None:
        """Queue a message.

        Errors: ValueError when the channel cannot carry one now.
        """
        self._append(Entry(self.channel.frame(message), flow, branch_of(message)))

    def put_bytes(self, data: bytes) -> None:
        """Queue bytes that nobody misses."""
        self._append(Entry(data, None, ""))

    def _append(self, entry: Entry) -> None:
        self.queue.append(entry)
        self.queue_bytes += len(entry.data) + ENTRY_BYTES
        self.wake.set()

    def drain(self) -> None:
        """Have the connection closed once its queue is sent."""
        self.draining = True
        self.wake.set()

    def sent_first(self, now: float) -> None:
        """Take what was sent out of the queue, and remember it if it is a request."""
        if not self.queue:
            return
        entry = self.queue.popleft()
        self.queue_bytes -= len(entry.data) + ENTRY_BYTES
        if entry.branch and entry.flow is not None:
            self._unheard.append((now, Lost(entry.flow, entry.branch)))

    def close(self, since: float) -> tuple[list[Lost], list[Lost]]:
        """Close; return what was never sent, and the requests that were sent after ``since``."""
        self.closed = True
        unsent = [Lost(entry.flow, entry.branch) for entry in self.queue if entry.flow is not None]
        self.queue.clear()
        self.wake.set()
        if self.socket is not None:
            self.socket.close()
        return unsent, [lost for sent, lost in self._unheard if sent > since]
