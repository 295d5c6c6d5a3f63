"""Calls beside the load that are timed from INVITE to 200 to the microsecond, which SIPp's clock is too coarse for.

The kernel stamps what arrives, so it does not matter when this thread gets to read it.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.sip.samples import SDP

_TIMESTAMP = 35
"""SO_TIMESTAMPNS and SCM_TIMESTAMPNS of Linux."""
_STAMP = struct.Struct("qq")
_CALL_ID = re.compile(r"^(?:Call-ID|i): *probe-([0-9]+)\b", re.MULTILINE | re.IGNORECASE)
_TO = re.compile(r"^(?:To|t): *(.*?)\r?$", re.MULTILINE | re.IGNORECASE)
_TARGET = re.compile(r"^(?:Contact|m):.*?(sips?:[^>\s]*)", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(r"^CSeq: *[0-9]+ +INVITE", re.MULTILINE | re.IGNORECASE)
_RECORD_ROUTE = re.compile(r"^Record-Route: *(.*?)\r?$", re.MULTILINE | re.IGNORECASE)
_CODE = "SIP/2.0 2"


class Prober(threading.Thread):
    """Makes ``rate`` calls a second for some seconds, none if that is 0.

    Shape: ``calls`` counts those that were begun, ``latencies_ms`` are the times to the first 200 of each.
    """

    def __init__(self, server: tuple[str, int], rate: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self.calls = 0
        self.latencies_ms: list[float] = []
        self._server = server
        self._rate = rate
        self._seconds = seconds
        self._sent: dict[int, int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._me = "{}:{}".format(*self._socket.getsockname())

    def run(self) -> None:
        """Call until the time is over, and wait a second more for what is late."""
        began = time.monotonic()
        with self._socket:
            while self._rate and (now := time.monotonic() - began) < self._seconds + 1.0:
                due = self.calls / self._rate
                if now < self._seconds and now >= due:
                    self._call()
                elif select.select([self._socket], [], [], min(max(due - now, 0.0), 0.05) or 0.05)[0]:
                    self._receive()

    def _call(self) -> None:
        number = self.calls
        self.calls += 1
        invite = self._request("INVITE", f"sip:bob@{self._server[0]}:{self._server[1]}", number, 1, body=SDP)
        self._sent[number] = time.time_ns()
        self._socket.sendto(invite, self._server)

    def _receive(self) -> None:
        data, ancillary, *_ = self._socket.recvmsg(8192, 256)
        text = data.decode("utf-8", "replace")
        found = _CALL_ID.search(text)
        if not text.startswith(_CODE) or found is None or _CSEQ.search(text) is None:
            return
        number = int(found[1])
        sent = self._sent.pop(number, None)
        if sent is None:
            return
        for _, kind, value in ancillary:
            if kind == _TIMESTAMP:
                seconds, nanoseconds = _STAMP.unpack_from(value)
                self.latencies_ms.append((seconds * 1_000_000_000 + nanoseconds - sent) / 1e6)
        to, target = _TO.search(text), _TARGET.search(text)
        assert to is not None
        assert target is not None
        routes = "".join(f"Route: {route}\r\n" for route in reversed(_RECORD_ROUTE.findall(text)))
        for method, cseq in (("ACK", 1), ("BYE", 2)):
            self._socket.sendto(self._request(method, target[1], number, cseq, to[1], routes), self._server)

    def _request(
        self, method: str, uri: str, number: int, cseq: int, to: str = "", routes: str = "", body: str = ""
    ) -> bytes:
        to = to or f"<sip:bob@{self._server[0]}:{self._server[1]}>"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self._me};branch=z9hG4bKp{number}{method}\r\n{routes}"
            f"Max-Forwards: 70\r\nFrom: <sip:probe@{self._me}>;tag=p{number}\r\nTo: {to}\r\n"
            f"Call-ID: probe-{number}@{self._me}\r\nCSeq: {cseq} {method}\r\nContact: <sip:probe@{self._me}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@contextmanager
def timed_calls(port: int, rate: float, seconds: float) -> Iterator[Prober]:
    """Make timed calls to a port beside what is done inside, and wait for their end."""
    prober = Prober(("127.0.0.1", port), rate, seconds)
    prober.start()
    try:
        yield prober
    finally:
        prober.join(seconds + 5)
