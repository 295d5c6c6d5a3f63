"""Reliable provisional responses of a session: at most one waits for its PRACK, and what follows waits behind it.

A 2xx waits too, so that a caller never sees it before what it has to acknowledge; a refusal goes out at once.

Source: RFC 3262 3, 4.
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from server.container.records import Sessions, SipRecord
from server.engine import transactions
from server.engine.call import Call
from server.sip.codec import parse_message
from server.sip.effects import Send
from server.sip.headers.table import RACK, RSEQ
from server.sip.message import Request, Response
from server.sip.usage.offer import is_reliable
from server.sip.usage.reliable import begin, expire, is_acknowledged

if TYPE_CHECKING:
    from server.container.container import Container

log = logging.getLogger(__name__)

OPTION = "100rel"


def next_rseq(record: SipRecord) -> str:
    """Return the RSeq of a new reliable response."""
    record.rseq += 1
    return str(record.rseq)


def waits(record: SipRecord, response: Response) -> bool:
    """Say whether a response to an INVITE has to wait, and keep it if so; what a refusal overtakes is forgotten."""
    if response.status >= 300:
        record.reliable, record.behind = None, ()
        return False
    if record.reliable is None or not (response.status >= 200 or is_reliable(response)):
        return False
    record.behind = (*record.behind, response.wire())
    return True


def is_answered(record: SipRecord) -> bool:
    """Say whether a 2xx waits."""
    return any(wire.startswith(b"SIP/2.0 2") for wire in record.behind)


def sent(call: Call, record: SipRecord, response: Response) -> None:
    """Begin to wait for the PRACK to a response that is being sent, if it is one that gets one."""
    number = response.one(RSEQ) if is_reliable(response) else None
    if number is not None:
        record.reliable = begin(response, number, call.engine.now(), call.engine.timers)


def acknowledge(record: SipRecord, prack: Request) -> bool:
    """Take a PRACK; False when nothing waits for it."""
    try:
        rack = prack.one(RACK)
    except ValueError:
        return False
    if rack is None or not is_acknowledged(record.reliable, rack):
        return False
    record.reliable = None
    return True


def send_behind(container: Container, call: Call, record: SipRecord) -> None:
    """Send what waited, up to the next that has to be acknowledged itself."""
    while record.behind and record.reliable is None:
        response = parse_message(record.behind[0])
        assert isinstance(response, Response)
        record.behind = record.behind[1:]
        if record.invite_in in call.transactions.servers:
            container.sending.transmit(call, record, record.invite_in, response)


def is_repeated(record: SipRecord, response: Response) -> bool:
    """Say whether a reliable response of the peer is not the next one of its INVITE, and remember it if it is."""
    number = response.one(RSEQ)
    if number is None or (record.peer_rseq and number != record.peer_rseq + 1):
        return True
    record.peer_rseq = number
    record.unpracked = f"{number} {response.cseq}"
    return False


def repeat(container: Container, call: Call, now: float) -> None:
    """Repeat what no PRACK came for, and refuse the INVITE where none comes."""
    for record in list(call.section("sessions", Sessions).sips.values()):
        if record.reliable is None or record.reliable.next_due > now:
            continue
        record.reliable, effects = expire(record.reliable, now, call.engine.timers)
        server = call.transactions.servers.get(record.invite_in)
        for effect in effects:
            if server is None:
                record.reliable = None
            elif isinstance(effect, Send):
                assert isinstance(effect.message, bytes)
                transactions.send_directly(call, parse_message(effect.message), server.flow)
            else:
                _never_acknowledged(container, call, record)


def next_due(record: SipRecord) -> float:
    """Return when the session has something to repeat."""
    return inf if record.reliable is None else record.reliable.next_due


def _never_acknowledged(container: Container, call: Call, record: SipRecord) -> None:
    log.info("call %s: no PRACK for a provisional response of session %s", call.key, record.id)
    record.behind = ()
    container.answer(call, record.invite_in, container.origin(call, record.invite_in), 504, record.id)
    record.invite_in = ""
    record.state = record.state if record.state == "CONFIRMED" else "TERMINATED"
    container.tell(call, record, "no_prack_received")
