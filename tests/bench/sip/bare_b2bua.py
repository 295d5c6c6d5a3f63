"""A bare B2BUA on gevent, the floor for a server in Python: ``python bare_b2bua.py PORT NEXT_PORT``, on 127.0.0.1.

It keeps transactions with their timers and repeats what must be repeated, on both legs, and has nothing else: no
checks, no sessions, no store, no servlets, no CANCEL, no Route. It is what others are compared with, not a server.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
import time
from typing import NamedTuple

import gevent
from gevent import monkey

HOST = "127.0.0.1"
T1, T2, END = 0.5, 4.0, 32.0
BATCH, TICK = 64, 0.01
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}
SDP = "Content-Type: application/sdp\r\n"


class Message(NamedTuple):
    """A message; ``headers`` maps lower-case names to their values."""

    start: str
    headers: dict[str, list[str]]
    body: str

    def get(self, name: str) -> str:
        return self.headers[name][0]

    @property
    def key(self) -> tuple[str, str]:
        """Branch and method: which transaction it belongs to."""
        return self.get("via").partition("branch=")[2].partition(";")[0], self.get("cseq").split()[1]


class Transaction:
    """Something that was sent, and until when it is kept; ``wait`` 0 when it is not repeated, or has a final answer."""

    __slots__ = ("address", "data", "ended", "key", "leg", "until", "wait")

    def __init__(self, key: tuple[str, str], leg: Leg, data: bytes, address: tuple[str, int], wait: float) -> None:
        self.key, self.leg, self.data, self.address, self.wait = key, leg, data, address, wait
        self.until = time.monotonic() + END
        self.ended = False


class Leg:
    """One side of a call."""

    __slots__ = ("address", "begun", "call_id", "invite", "local", "number", "other", "remote", "target")

    def __init__(self, call_id: str, address: tuple[str, int], local: str, remote: str, target: str) -> None:
        self.call_id, self.address, self.local, self.remote, self.target = call_id, address, local, remote, target
        self.number = 0
        self.other: Leg = self
        self.invite: Message | None = None
        self.begun: Transaction | None = None


def parse(data: bytes) -> Message:
    head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.setdefault(COMPACT.get(name, name), []).append(value.strip())
    return Message(start, headers, body)


class Server:
    """The socket, the transactions of both roles, the legs by Call-ID, and one heap of timers."""

    def __init__(self, port: int, next_port: int) -> None:
        self.me = f"{HOST}:{port}"
        self.next = (HOST, next_port)
        socket = monkey.get_original("socket", "socket")
        self.socket = socket(2, 2)
        self.socket.setblocking(False)
        self.socket.setsockopt(1, 8, 4 << 20)
        self.socket.bind((HOST, port))
        self.answered: dict[tuple[str, str], Transaction] = {}
        self.asked: dict[tuple[str, str], Transaction] = {}
        self.legs: dict[str, Leg] = {}
        self.timers: list[tuple[float, int, Transaction]] = []
        self.serial = itertools.count()
        self.random = random.Random()

    def token(self) -> str:
        return f"{self.random.getrandbits(64):016x}"

    def arm(self, tx: Transaction, wait: float) -> None:
        heapq.heappush(self.timers, (time.monotonic() + wait, next(self.serial), tx))

    def tick(self) -> None:
        """Repeat what nobody has answered, forget what is over."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            tx = heapq.heappop(self.timers)[2]
            if tx.wait and not tx.ended and now < tx.until:
                self.socket.sendto(tx.data, tx.address)
                tx.wait = min(2 * tx.wait, T2)
                self.arm(tx, tx.wait)
            elif now < tx.until:
                self.arm(tx, tx.until - now)
            else:
                self.forget(tx)

    def forget(self, tx: Transaction) -> None:
        for table in (self.answered, self.asked):
            if table.get(tx.key) is tx:
                del table[tx.key]
        if tx.key[1] == "BYE":
            self.legs.pop(tx.leg.call_id, None)

    def drain(self) -> None:
        for _ in range(BATCH):
            try:
                data, address = self.socket.recvfrom(65_535)
            except BlockingIOError:
                return
            try:
                message = parse(data)
                if message.start.startswith("SIP/2.0 "):
                    self.on_response(message)
                else:
                    self.on_request(message, address)
            except (KeyError, IndexError, ValueError):
                continue

    def on_request(self, request: Message, address: tuple[str, int]) -> None:
        method = request.start.partition(" ")[0]
        tx = self.answered.get(request.key)
        leg = self.legs.get(request.get("call-id"))
        if tx is not None:
            self.socket.sendto(tx.data, address)
        elif method == "INVITE" and leg is None:
            self.begin(request, address)
        elif method == "ACK" and leg is not None:
            if leg.begun is not None:
                leg.begun.ended = True
            self.ask(leg.other, "ACK", request.body)
        elif method == "BYE" and leg is not None:
            self.answer(leg, request, "200 OK", "", address)
            self.ask(leg.other, "BYE", "")

    def begin(self, invite: Message, address: tuple[str, int]) -> None:
        """Take up a call: the caller's leg, and one to the next hop."""
        tag = self.token()
        target = invite.get("contact").partition("<")[2].partition(">")[0]
        caller = Leg(invite.get("call-id"), address, f"{invite.get('to')};tag={tag}", invite.get("from"), target)
        party, callee_uri = invite.get("from").partition(";tag=")[0], f"sip:bob@{self.next[0]}:{self.next[1]}"
        callee = Leg(self.token(), self.next, f"{party};tag={self.token()}", f"<{callee_uri}>", callee_uri)
        caller.other, callee.other, caller.invite = callee, caller, invite
        self.legs[caller.call_id], self.legs[callee.call_id] = caller, callee
        self.answer(caller, invite, "100 Trying", "", address)
        self.ask(callee, "INVITE", invite.body)

    def ask(self, leg: Leg, method: str, body: str) -> None:
        if method != "ACK":
            leg.number += 1
        branch = f"z9hG4bK{self.token()}"
        data = (
            f"{method} {leg.target} SIP/2.0\r\nVia: SIP/2.0/UDP {self.me};branch={branch}\r\nMax-Forwards: 69\r\n"
            f"From: {leg.local}\r\nTo: {leg.remote}\r\nCall-ID: {leg.call_id}\r\nCSeq: {leg.number} {method}\r\n"
            f"Contact: <sip:{self.me}>\r\n{SDP if body else ''}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode("utf-8", "surrogateescape")
        self.socket.sendto(data, leg.address)
        if method != "ACK":
            tx = self.asked[branch, method] = Transaction((branch, method), leg, data, leg.address, T1)
            self.arm(tx, T1)

    def answer(self, leg: Leg, request: Message, status: str, body: str, address: tuple[str, int]) -> None:
        vias = "\r\nVia: ".join(request.headers["via"])
        data = (
            f"SIP/2.0 {status}\r\nVia: {vias}\r\nFrom: {request.get('from')}\r\nTo: {leg.local}\r\n"
            f"Call-ID: {leg.call_id}\r\nCSeq: {request.get('cseq')}\r\nContact: <sip:{self.me}>\r\n"
            f"{SDP if body else ''}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode("utf-8", "surrogateescape")
        self.socket.sendto(data, address)
        repeats = status[0] == "2" and request is leg.invite
        tx = Transaction(request.key, leg, data, address, T1 if repeats else 0.0)
        self.answered[tx.key] = tx
        if status[0] > "1":
            leg.begun = tx if request is leg.invite else leg.begun
            self.arm(tx, T1 if repeats else END)

    def on_response(self, response: Message) -> None:
        """Take an answer to the caller, unless it is a final one that comes again."""
        tx = self.asked.get(response.key)
        status = response.start[8:]
        if tx is None or not tx.wait:
            return
        tx.ended = True
        if status[0] > "1":
            tx.wait = 0.0
        leg, caller = tx.leg, tx.leg.other
        if tx.key[1] != "INVITE" or status.startswith("100") or caller.invite is None:
            return
        if status[0] == "2":
            leg.remote = response.get("to")
            leg.target = response.get("contact").partition("<")[2].partition(">")[0]
        self.answer(caller, caller.invite, status, response.body, caller.address)

    def run(self) -> None:
        loop = gevent.get_hub().loop
        watcher = loop.io(self.socket.fileno(), 1)
        watcher.start(self.drain)
        timer = loop.timer(TICK, TICK)
        timer.start(self.tick)
        gevent.get_hub().join()


if __name__ == "__main__":
    Server(int(sys.argv[1]), int(sys.argv[2])).run()
