"""CPU of a retransmission that the server absorbs, sockets left out, beside the CPU of a message that is new.

Every call of a round gets the same message once more: the INVITE while it rings, which is answered with the stored 180;
the INVITE after the 200, which is taken silently; the BYE after its 200, which is answered with that.
Medians over the rounds.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time_ns

sys.path.insert(0, str(Path(__file__).parents[3]))

import gevent

from server.engine.engine import Engine
from server.transport.flow import Flow
from tests.bench.figures import Figure, at_most, report
from tests.bench.sip.bench_turn import Wire, call, start

CALLS, ROUNDS = 40, 40
LIMIT_US = 30.0

Datagram = tuple[bytes, Flow]


class Ear:
    """Stands before an engine's door: keeps what comes in."""

    def __init__(self, engine: Engine) -> None:
        self.heard: list[Datagram] = []
        self.give = engine.on_datagram
        engine.on_datagram = self.on_datagram  # type: ignore[method-assign]

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        self.heard.append((data, flow))
        self.give(data, flow)

    def take(self, method: bytes) -> list[Datagram]:
        """Return the requests of a method, and forget all."""
        found = [one for one in self.heard if one[0].startswith(method)]
        self.heard.clear()
        return found


def step(calls: list[Iterator[None]]) -> None:
    """Take every call on to where it stops next."""
    for one in calls:
        next(one, None)


def repeat(ear: Ear, wire: Wire, datagrams: list[Datagram], answer: str) -> float:
    """Return the CPU of one retransmission; each is answered with what begins so, or not at all.

    Units: microseconds.
    """
    wire.sent.clear()
    before = process_time_ns()
    for data, flow in datagrams:
        ear.give(data, flow)
        gevent.sleep(0)
    used = process_time_ns() - before
    assert [one[: len(answer)] for one in wire.sent] == ([answer] * CALLS if answer else []), wire.sent[:1]
    wire.sent.clear()
    return used / len(datagrams) / 1000


def main() -> None:
    node, wire = start()
    ear = Ear(node.engine)
    new: list[float] = []
    ringing: list[float] = []
    answered: list[float] = []
    ended: list[float] = []
    for number in range(ROUNDS):
        calls = [call(node, wire, number * CALLS + at) for at in range(CALLS)]
        gc.collect()
        before = process_time_ns()
        step(calls)
        new.append((process_time_ns() - before) / CALLS / 2 / 1000)
        invites = ear.take(b"INVITE ")
        ringing.append(repeat(ear, wire, invites, "SIP/2.0 180"))
        step(calls)
        answered.append(repeat(ear, wire, invites, ""))
        ear.take(b"")
        step(calls)
        ended.append(repeat(ear, wire, ear.take(b"BYE "), "SIP/2.0 200"))
    node.stop(0)
    report(
        [
            Figure("CPU of a new message: an INVITE and its 180", round(median(new), 1), "us"),
            at_most("an INVITE repeated while it rings, answered", median(ringing), "us", LIMIT_US),
            at_most("an INVITE repeated after its 200, taken silently", median(answered), "us", LIMIT_US),
            at_most("a BYE repeated, answered", median(ended), "us", LIMIT_US),
        ]
    )


if __name__ == "__main__":
    main()
