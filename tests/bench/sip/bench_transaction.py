"""One whole INVITE server transaction without a socket, beside peers: INVITE, 100, 180, 486, ACK, end.

Bytes in, bytes out, each package with its own parser. sippy keeps no Confirmed state; aiosipua makes a dialog and
parses the offer for every INVITE, and knows no timers of a refusal.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from server.sip import transaction as machine
from server.sip.build import make_response
from server.sip.codec import parse_message
from server.sip.effects import Send
from server.sip.message import Request
from server.sip.timers import TimerSettings
from server.sip.transaction import Step, Transaction
from tests.bench.figures import report
from tests.bench.sip.bench_codec import figures
from tests.bench.sip.peers import Wire, servers
from tests.bench.sip.samples import TO_TAG, ack, invite
from tests.bench.sip.turns import ROUND, ROUNDS, WARM, Work, best_times

SETTINGS = TimerSettings()
WAIT = 40.0
"""Seconds after which every transaction has ended."""
START = b"SIP/2.0 "
TAG = b"tag-of-the-refusal"

Call = tuple[bytes, bytes]
"""An INVITE, and the ACK to its refusal with a place for the tag."""


def server_here() -> Wire:
    """Return the server's tables with a user that refuses, and a table of transactions."""
    open_ones: dict[str, Transaction] = {}
    sent: list[bytes] = []

    def step(key: str, done: Step) -> Transaction:
        tx, effects = done
        sent.extend(
            effect.message if isinstance(effect.message, bytes) else effect.message.wire()
            for effect in effects
            if isinstance(effect, Send)
        )
        if tx.state == "Terminated":
            del open_ones[key]
        else:
            open_ones[key] = tx
        return tx

    def take(data: bytes) -> list[bytes]:
        sent.clear()
        request = parse_message(data)
        assert isinstance(request, Request)
        key = machine.server_key(request)
        tx = open_ones.get(key)
        if tx is None:
            tx = step(key, machine.start_server(request, reliable=False, now=0.0, settings=SETTINGS))
            for status in (100, 180, 486):
                tx = step(key, machine.respond(tx, make_response(request, status, to_tag=TO_TAG), 0.0, SETTINGS))
        else:
            tx = step(key, machine.receive(tx, request, 0.0, SETTINGS))
            step(key, machine.expire(tx, WAIT, SETTINGS))
        return sent.copy()

    return take


def play(take: Wire, call: Call) -> list[bytes]:
    """Take one call from its INVITE to its ACK; return what was answered."""
    begin, end = call
    answers = take(begin)
    tag = answers[-1].partition(b"\r\nTo: ")[2].partition(b"\r\n")[0].rpartition(b";tag=")[2]
    return [*answers, *take(end.replace(TAG, tag))]


def calls(number: int) -> list[Call]:
    """Return the calls of a round; none comes twice."""
    first = number * (WARM + ROUND)
    return [(invite(one), ack(one, TAG.decode())) for one in range(first, first + WARM + ROUND)]


def main() -> None:
    found = {"here": server_here(), **servers()}
    for name, take in found.items():
        (sample,) = calls(ROUNDS)[:1]
        statuses = [answer.removeprefix(START)[:3] for answer in play(take, sample)]
        assert statuses == [b"100", b"180", b"486"], (name, statuses)
    work: dict[str, Work] = {name: (partial(play, take), calls) for name, take in found.items()}
    report(figures("one INVITE server transaction, refused", best_times(work), None))


if __name__ == "__main__":
    main()
