"""Parse a 600-byte INVITE and read its five routing fields, with all checks; format a response; beside peers.

Every message has its own branch, tags and Call-ID and one of a hundred callers, so that nothing gains by reading the
same bytes twice. The parsers take turns in short rounds and the best round of each is given: whatever else the machine
does only adds. A peer that is not installed (extra ``bench``) is left out.
"""

from __future__ import annotations

import gc
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.message import Request
from tests.bench.figures import Figure, at_most, report

MESSAGES, ROUND, WARM, ROUNDS = 1_000, 100, 50, 100
LIMIT_US = 8.0
SDP = (
    "v=0\r\no=alice 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def invite(number: int) -> bytes:
    """Return one INVITE of a call."""
    caller = f"sip:alice{number % 100}@127.0.0.1:5070"
    return (
        "INVITE sip:bob@127.0.0.1:5060 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-18873-{number:04}-0\r\n"
        f'From: "Alice" <{caller}>;tag=18873Tag{number:05}\r\nTo: "Bob" <sip:bob@127.0.0.1:5060>\r\n'
        f"Call-ID: {number:04}-18873@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <{caller}>\r\nMax-Forwards: 70\r\n"
        "User-Agent: bench/1\r\nAllow: INVITE, ACK, CANCEL, BYE\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    ).encode()


def read_here(data: bytes) -> tuple[object, ...]:
    """Parse with the server's codec and read top Via, From, To, Call-ID, CSeq."""
    message = parse_message(data)
    return message.via.branch, message.from_.tag, message.to.tag, message.call_id, message.cseq.number


def peers() -> dict[str, Callable[[bytes], object]]:
    """Return the parsers of other packages that are installed."""
    found: dict[str, Callable[[bytes], object]] = {}
    for name, make in (("sippy", _sippy), ("aiosipua", _aiosipua), ("sipmessage", _sipmessage)):
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed: left out", file=sys.stderr)
    return found


def _sippy() -> Callable[[bytes], object]:
    make: Any = importlib.import_module("sippy.SipRequest").SipRequest

    def read(data: bytes) -> object:
        message = make(data.decode())
        body = message.getHFBody
        return body("via").getBranch(), body("from").getTag(), body("to").getTag(), body("call-id"), body("cseq").cseq

    return read


def _aiosipua() -> Callable[[bytes], object]:
    parse: Any = importlib.import_module("aiosipua").SipMessage.parse

    def read(data: bytes) -> object:
        message = parse(data)
        via, cseq = message.via[0], message.cseq
        return via.branch, message.from_addr.tag, message.to_addr.tag, message.call_id, cseq.seq

    return read


def _sipmessage() -> Callable[[bytes], object]:
    parse: Any = importlib.import_module("sipmessage").Message.parse

    def read(data: bytes) -> object:
        message = parse(data)
        via, from_, to = message.via[0].parameters, message.from_address.parameters, message.to_address.parameters
        return via.get("branch"), from_.get("tag"), to.get("tag"), message.call_id, message.cseq.sequence

    return read


def answer(request: Request) -> bytes:
    """Make the 200 of an INVITE, with SDP."""
    return make_response(
        request,
        200,
        to_tag="1c9d",
        contact="<sip:bob@127.0.0.1:5060>",
        body=SDP.encode(),
        content_type="application/sdp",
    ).wire()


def microseconds(work: Callable[[Any], object], inputs: list[Any]) -> float:
    """Return the time of one call, taken over the inputs but for the first ones."""
    for value in inputs[:WARM]:
        work(value)
    rest = inputs[WARM:]
    begin = time.perf_counter_ns()
    for value in rest:
        work(value)
    return (time.perf_counter_ns() - begin) / len(rest) / 1000


def main() -> None:
    data = [invite(number) for number in range(MESSAGES)]
    requests = [parse_message(one) for one in data]
    work: dict[str, tuple[Callable[[Any], object], list[Any]]] = {"here": (read_here, data)}
    work |= {name: (read, data) for name, read in peers().items()}
    work["format 200"] = answer, requests
    best = dict.fromkeys(work, float("inf"))
    gc.freeze()
    gc.disable()
    for number in range(ROUNDS):
        start = number * ROUND % (MESSAGES - WARM)
        for name, (run, inputs) in work.items():
            best[name] = min(best[name], microseconds(run, inputs[start : start + WARM + ROUND]))
    ours, response = best.pop("here"), best.pop("format 200")
    report(
        [
            at_most(f"parse and five routing fields, {len(data[0])} bytes", ours, "us", LIMIT_US),
            *(Figure(f"the same with {name}", round(value, 2), "us") for name, value in best.items()),
            *(Figure(f"here / {name}", round(ours / value, 3), "ratio") for name, value in best.items()),
            Figure("format a 200 with SDP", round(response, 2), "us"),
        ]
    )


if __name__ == "__main__":
    main()
