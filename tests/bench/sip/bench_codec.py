"""Parse a 600-byte INVITE and read its five routing fields, with all checks; format a response; beside peers.

Every package does the same work in the same round; see ``turns``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.message import Request
from tests.bench.figures import Figure, at_most, report
from tests.bench.sip.peers import Codec, codecs
from tests.bench.sip.samples import CONTACT, SDP, TO_TAG, invite
from tests.bench.sip.turns import ROUND, WARM, Work, best_times

MESSAGES = 1_000
LIMIT_US = 8.0


def read(data: bytes) -> tuple[object, ...]:
    """Parse with the server's codec and read top Via, From, To, Call-ID, CSeq."""
    message = parse_message(data)
    return message.via.branch, message.from_.tag, message.to.tag, message.call_id, message.cseq.number


def answer(request: Request) -> bytes:
    """Make the 200 of an INVITE, with SDP."""
    body = SDP.encode()
    return make_response(
        request, 200, to_tag=TO_TAG, contact=CONTACT, body=body, content_type="application/sdp"
    ).wire()  # fmt: skip


def figures(what: str, times: dict[str, float], limit: float | None) -> list[Figure]:
    """Return ours, each peer's, and the ratio to each."""
    ours = times["here"]
    first = Figure(what, round(ours, 2), "us") if limit is None else at_most(what, ours, "us", limit)
    others = {name: value for name, value in times.items() if name != "here"}
    return [
        first,
        *(Figure(f"the same with {name}", round(value, 2), "us") for name, value in others.items()),
        *(Figure(f"here / {name}", round(ours / value, 3), "ratio") for name, value in others.items()),
    ]


def in_rounds(inputs: list[Any]) -> Callable[[int], list[Any]]:
    """Return what gives the inputs of a round, another part of them each time."""
    return lambda number: inputs[number * ROUND % (MESSAGES - WARM) :][: WARM + ROUND]


def main() -> None:
    data = [invite(number) for number in range(MESSAGES)]
    found = {"here": Codec(read, parse_message, answer), **codecs()}
    for name, codec in found.items():
        made = codec.answer(codec.parse(data[0]))
        assert made.startswith(b"SIP/2.0 200 OK\r\n"), (name, made)
        assert made.endswith(SDP.encode()), (name, made)
    readers: dict[str, Work] = {name: (codec.read, in_rounds(data)) for name, codec in found.items()}
    writers: dict[str, Work] = {
        name: (codec.answer, in_rounds([codec.parse(one) for one in data])) for name, codec in found.items()
    }
    report(
        [
            *figures(f"parse and five routing fields, {len(data[0])} bytes", best_times(readers), LIMIT_US),
            *figures("format a 200 with SDP", best_times(writers), None),
        ]
    )


if __name__ == "__main__":
    main()
