"""CPU of one B2BUA call through the whole server but its sockets: parser, queue, turns, store, container, servlet.

Datagrams go into the engine and are taken from its outbound queue, so nothing here waits for a network; the rest of
what a call costs at a given rate is the kernel and the event loop. The phones' part is in it too (about a tenth).
One process, ``CALLS`` calls a round; the quickest round, since whatever else runs on the machine only adds.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parents[3]))

import gevent

from server.config import load_config
from server.node import Node
from server.transport.flow import Flow
from tests.bench.figures import Figure, report

CALLS, ROUNDS, ALIVE = 50, 40, 40
MESSAGES = 6  # in; seven go out
CALLER, CALLEE = ("127.0.0.1", 15061), ("127.0.0.1", 15062)
SDP = (
    "v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
KIND = "Content-Type: application/sdp\r\n"
REQUEST = """\
{method} {uri} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:15061;branch=z9hG4bK-{number}-{cseq}-{method}
From: caller <sip:caller@127.0.0.1:15061>;tag=c{number}
To: {to}
Call-ID: {number}-bench@127.0.0.1
CSeq: {cseq} {method}
Contact: <sip:caller@127.0.0.1:15061>
Max-Forwards: 70
Subject: Performance Test
{kind}Content-Length: {length}

{body}""".replace("\n", "\r\n")
RESPONSE = """\
SIP/2.0 {status}
{vias}
From: {from_}
To: {to}
Call-ID: {call_id}
CSeq: {cseq}
Contact: <sip:callee@127.0.0.1:15062>
{kind}Content-Length: {length}

{body}""".replace("\n", "\r\n")
_VIA = re.compile(r"^Via: .*$", re.MULTILINE)
_TO = re.compile(r"^To: (.*?)\r?$", re.MULTILINE)
_FROM = re.compile(r"^From: (.*?)\r?$", re.MULTILINE)
_CALL_ID = re.compile(r"^Call-ID: (.*?)\r?$", re.MULTILINE)
_CONTACT = re.compile(r"^Contact: <(.*?)>", re.MULTILINE)
_CSEQ = re.compile(r"^CSeq: (.*?)\r?$", re.MULTILINE)


class Wire:
    """Stands before a transport: keeps what is sent."""

    def __init__(self, transport: object) -> None:
        self.sent: list[str] = []
        self._transport = transport

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def send(self, data: bytes, flow: Flow) -> None:
        del flow
        self.sent.append(data.decode())

    def take(self, start: str) -> str:
        """Return the one message among those sent that begins so, and forget all."""
        found = [message for message in self.sent if message.startswith(start)]
        assert len(found) == 1, (start, [message.split("\r\n", 1)[0] for message in self.sent])
        self.sent.clear()
        return found[0]


def one(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    assert found is not None
    return found[1]


def call(node: Node, wire: Wire, number: int) -> Iterator[None]:
    """Play both phones of one call; stops while it rings, and while it is answered."""
    host, port = node.udp.local
    caller, callee = (Flow("UDP", host, port, *address) for address in (CALLER, CALLEE))

    def to_server(data: str, flow: Flow) -> None:
        node.engine.on_datagram(data.encode(), flow)
        gevent.sleep(0)

    def request(method: str, uri: str, to: str, cseq: int, body: str = "") -> str:
        return REQUEST.format(
            method=method,
            uri=uri,
            to=to,
            cseq=cseq,
            number=number,
            kind=KIND if body else "",
            length=len(body),
            body=body,
        )

    def answer(to: str, status: str, tag: str, body: str = "") -> str:
        return RESPONSE.format(
            status=status, vias="\r\n".join(line.rstrip("\r") for line in _VIA.findall(to)), from_=one(_FROM, to),
            to=one(_TO, to) + tag, call_id=one(_CALL_ID, to), cseq=one(_CSEQ, to), kind=KIND if body else "",
            length=len(body), body=body,
        )  # fmt: skip

    callee_uri = "sip:callee@127.0.0.1:15062"
    to_server(request("INVITE", callee_uri, f"callee <{callee_uri}>", 1, SDP), caller)
    invite = wire.take("INVITE")
    to_server(answer(invite, "180 Ringing", f";tag=d{number}"), callee)
    wire.take("SIP/2.0 180")
    yield
    to_server(answer(invite, "200 OK", f";tag=d{number}", SDP), callee)
    ok = wire.take("SIP/2.0 200")
    target, to = one(_CONTACT, ok), one(_TO, ok)
    to_server(request("ACK", target, to, 1), caller)
    wire.take("ACK")
    yield
    to_server(request("BYE", target, to, 2), caller)
    bye = wire.take("BYE")
    to_server(answer(bye, "200 OK", ""), callee)


def play(node: Node, wire: Wire, first: int, count: int) -> None:
    """Play calls of which ``ALIVE`` are answered at any time."""
    alive: list[Iterator[None]] = []
    for number in range(first, first + count):
        begun = call(node, wire, number)
        next(begun)
        next(begun)
        alive.append(begun)
        if len(alive) >= ALIVE:
            next(alive.pop(0), None)
    for begun in alive:
        next(begun, None)


def start() -> tuple[Node, Wire]:
    """Return a running node whose messages go to no socket."""
    config = load_config().with_command_line(sip="127.0.0.1:0", http="", outbound_proxy=None)
    node = Node(config, ["apps.click2call"])
    wire = Wire(node.engine.transports["UDP"])
    node.engine.transports["UDP"] = wire  # type: ignore[index]
    node.start()
    return node, wire


def main() -> None:
    node, wire = start()
    rounds: list[float] = []
    for number in range(ROUNDS):
        before = process_time_ns()
        play(node, wire, number * CALLS, CALLS)
        rounds.append((process_time_ns() - before) / CALLS / 1000)
    node.stop(0)
    a_call = min(rounds)
    report(
        [
            Figure("CPU a B2BUA call without sockets", round(a_call, 1), "us"),
            Figure("CPU a message in, without sockets", round(a_call / MESSAGES, 1), "us"),
        ]
    )


if __name__ == "__main__":
    main()
