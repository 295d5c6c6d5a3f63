"""Scripted peers on raw sockets: they write and read SIP by themselves and share no code with the server."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

PATIENCE = 3.0
SERIAL = count(1)

Address = tuple[str, int]


@dataclass
class Message:
    """A message as text: the start line, the header lines as (name, value), the body."""

    start: str
    headers: list[tuple[str, str]]
    body: str = ""
    source: Address = ("", 0)

    def all(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    def parameter(self, name: str, header: str = "Via") -> str | None:
        """Return a parameter of the first line of a header; empty text for one without a value."""
        for part in self[header].split(";")[1:]:
            key, _, value = part.partition("=")
            if key.strip().lower() == name:
                return value.strip()
        return None

    @property
    def status(self) -> int:
        return int(self.start.split()[1])


def read(data: bytes, source: Address = ("", 0)) -> Message:
    head, _, body = data.decode().partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Message(start, headers, body, source)


@dataclass
class Call:
    """What a caller writes into a request; counts its CSeq."""

    uri: str
    sent_by: str
    transport: str = "UDP"
    via: str = ";rport"
    number: int = 0
    user: str = field(default_factory=lambda: f"c{next(SERIAL)}x{os.getpid()}")

    def request(self, method: str, *lines: str, body: str = "", to: str = "", length: int | None = None) -> bytes:
        self.number += 1
        user = self.user
        head = [
            f"{method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.sent_by};branch=z9hG4bK{user}{self.number}{self.via}",
            "Max-Forwards: 70",
            f"From: <sip:caller@example.com>;tag={user}",
            f"To: {to or f'<{self.uri}>'}",
            f"Call-ID: {user}@example.com",
            f"CSeq: {self.number} {method}",
            *([] if any(line.startswith("Contact:") for line in lines) else [f"Contact: <sip:caller@{self.sent_by}>"]),
            *lines,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body) if length is None else length}",
        ]
        return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def answer(request: Message, status: str, *lines: str, tag: str = "callee") -> bytes:
    head = [f"SIP/2.0 {status}"]
    for name, value in request.headers:
        if name.lower() in {"via", "from", "call-id", "cseq", "record-route"}:
            head.append(f"{name}: {value}")
        elif name.lower() == "to":
            head.append(f"To: {value}" if "tag=" in value else f"To: {value};tag={tag}")
    return ("\r\n".join([*head, *lines, "Content-Length: 0"]) + "\r\n\r\n").encode()


class UdpPeer:
    """A datagram socket."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.settimeout(PATIENCE)
        self.address: Address = self.socket.getsockname()[:2]

    @property
    def sent_by(self) -> str:
        return sent_by(self.address)

    def send(self, data: bytes, to: Address) -> None:
        self.socket.sendto(data, to)

    def receive(self) -> Message:
        data, source = self.socket.recvfrom(65_535)
        return read(data, source[:2])

    def receive_final(self) -> Message:
        return final(iter(self.receive, None))

    def close(self) -> None:
        self.socket.close()


class StreamPeer:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.socket.settimeout(PATIENCE)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> Message:
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        found = re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE)
        assert found, head
        length = int(found[1])
        while len(rest) < length:
            self._fill()
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[length:]
        return read(head + b"\r\n\r\n" + rest[:length], self.socket.getpeername()[:2])

    def receive_final(self) -> Message:
        return final(iter(self.receive, None))

    def receive_bytes(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def is_closed(self) -> bool:
        """Wait until the other side closes; fail when it sends instead."""
        return self.socket.recv(100) == b""

    def close(self) -> None:
        self.socket.close()

    def _fill(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError(f"closed after {self._buffer!r}")
        self._buffer += data


class Listener:
    """A listening stream socket."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_server((host, port))
        self.socket.settimeout(PATIENCE)
        self.address: Address = self.socket.getsockname()[:2]
        self._accepted: list[StreamPeer] = []

    @property
    def sent_by(self) -> str:
        return sent_by(self.address)

    def accept(self) -> StreamPeer:
        peer = StreamPeer(self.socket.accept()[0])
        self._accepted.append(peer)
        return peer

    def close(self) -> None:
        self.socket.close()
        for peer in self._accepted:
            peer.close()


def final(messages: Iterator[Message]) -> Message:
    return next(message for message in messages if message.start.startswith("SIP/2.0") and message.status >= 200)


def sent_by(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connect(address: Address) -> StreamPeer:
    return StreamPeer(socket.create_connection(address, PATIENCE))


@contextmanager
def both() -> Iterator[tuple[UdpPeer, Listener]]:
    """A UDP socket and a TCP listener on one port."""
    for _ in range(20):
        udp = UdpPeer()
        try:
            tcp = Listener(udp.address[1])
        except OSError:
            udp.close()
            continue
        yield udp, tcp
        udp.close()
        tcp.close()
        return
    raise OSError("no port is free for both UDP and TCP")


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])
