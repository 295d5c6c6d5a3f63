"""The targets of a client transaction: looked up, then tried one after another.

A transaction over an unresolved flow is begun as any other, but for what it sends: that becomes a question, asked once
the call state is stored, and the answer comes back as an item. A target that fails is followed by the next one, on a
branch of its own, since that is a transaction of its own on the wire; the record stays under the key that its user
knows. The branch of try n ends in ``-n`` before the call key.

Source: RFC 3263 4.3; RFC 3261 18.1.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import NamedTuple, Protocol

from server.engine.call import Call, Item, TransactionRecord
from server.sip import transaction as machine
from server.sip.effects import Deliver, Effect, Terminate
from server.sip.message import Request, Response
from server.transport.flow import Flow

MAX_DATAGRAM = 1300
"""Bytes above which a request goes over TCP where it can (RFC 3261 18.1.1)."""

_FAILED = frozenset({"transport-error", "timeout"})


class Addressing(Protocol):
    """What the engine must know of addresses: how the server is reached, and how others are."""

    def readdress(self, request: Request, flow: Flow, branch: str) -> Request:
        """Return a request of ours with the Via, and the Contact, of another flow."""
        ...

    def stream_instead(self, flow: Flow) -> Flow | None:
        """Return the TCP flow to the same address, None when there is no TCP here."""
        ...

    def failed(self, flow: Flow) -> None:
        """Take notice that a server failed; it may be tried last for a while."""
        ...

    def look_up(self, uri: str, then: Callable[[tuple[Flow, ...]], None]) -> None:
        """Have ``then`` called, soon and never from within, with the flows to the servers of a URI."""
        ...


class Try(NamedTuple):
    """One try of a request: what is sent, over which flow, and which flows are left behind it."""

    request: Request
    flow: Flow
    others: tuple[Flow, ...] = ()
    attempt: int = 0


def find_client(call: Call, message: Request | Response) -> tuple[str, TransactionRecord | None]:
    """Return the key and the client transaction that a response, or a request of ours, belongs to."""
    clients = call.transactions.clients
    wire = machine.client_key(message)
    record = clients.get(wire)
    if record is not None and not record.attempt:
        return wire, record
    key, attempt = _split(wire)
    record = clients.get(key)
    if record is None or record.attempt != attempt:
        key = _kept(key, attempt)
        record = clients.get(key)
    return key, record


def look_up(call: Call, message: Request | Response, flow: Flow) -> None:
    """Ask for the targets of a message once the call state is stored."""
    engine, key, context = call.engine, call.key, copy_context()

    def answered(flows: tuple[Flow, ...]) -> None:
        engine.queues.enqueue(key, Item("resolved", message, flow, targets=flows, context=context))

    def ask(error: Exception | None) -> None:
        if error is None:
            engine.addressing.look_up(flow.remote_host, answered)

    call.stored.append(ask)


def by_size(call: Call, one: Try) -> Try:
    """Have a request that is too large for a datagram go over TCP, and over UDP only if nobody listens there."""
    if one.flow.transport != "UDP" or len(one.request.wire()) <= MAX_DATAGRAM:
        return one
    addressing = call.engine.addressing
    stream = addressing.stream_instead(one.flow)
    if stream is None:
        return one
    request = addressing.readdress(one.request, stream, one.request.via.branch or "")
    return Try(request, stream, (one.flow, *one.others), one.attempt)


def goes_on(call: Call, record: TransactionRecord, effects: Iterable[Effect]) -> bool:
    """Say whether a step ends in what the next target may do better: no answer, no way there, 503.

    A datagram instead of the connection that a large request went over is no better target unless there was no
    connection, so otherwise it is passed over for good.
    """
    event = _failed_by(effects)
    if event and event != "transport-error" and record.others[0] == _fallback(call, record):
        record.others = record.others[1:]
    return bool(event and record.others)


def _failed_by(effects: Iterable[Effect]) -> str:
    for effect in effects:
        if isinstance(effect, Deliver):
            message = effect.message
            failed = effect.event in _FAILED or (isinstance(message, Response) and message.status == 503)
            return effect.event if failed else ""
    return ""


def _fallback(call: Call, record: TransactionRecord) -> Flow | None:
    """Return the next flow if it is the datagram that a request was too large for."""
    following = record.others[0]
    stream = call.engine.addressing.stream_instead(following) if following.transport == "UDP" else None
    return following if stream == record.flow else None


def first_try(call: Call, record: TransactionRecord, origin: Request, flows: tuple[Flow, ...]) -> Try:
    """Return the try that the answer to a look-up makes of a request that waited for it."""
    flow, *others = flows
    request = call.engine.addressing.readdress(origin, flow, origin.via.branch or "")
    return by_size(call, Try(request, flow, (*others, *record.others), record.attempt))


def next_try(call: Call, key: str, record: TransactionRecord, effects: Iterable[Effect], origin: Request) -> Try:
    """Return the try of the next target.

    The transaction that failed is kept beside it for as long as its final response may be repeated.
    """
    if not any(isinstance(effect, Terminate) for effect in effects):
        kept = TransactionRecord(record.transaction, record.flow)
        call.transactions.clients[_kept(key, record.attempt)] = kept
    addressing = call.engine.addressing
    flow, *others = record.others
    fell_back = flow == _fallback(call, record)
    if not fell_back:
        addressing.failed(record.flow)
    attempt = record.attempt + 1
    request = addressing.readdress(origin, flow, _branch(origin.via.branch or "", attempt))
    following = Try(request, flow, tuple(others), attempt)
    return following if fell_back else by_size(call, following)


def _kept(key: str, attempt: int) -> str:
    return f"{key}|{attempt}"


def _branch(branch: str, attempt: int) -> str:
    random, _, key = branch.rpartition(".")
    return f"{random.partition('-')[0]}-{attempt}.{key}"


def _split(wire: str) -> tuple[str, int]:
    """Return the key of the first try, and the number of this one: 0, 1, ..."""
    branch, _, method = wire.rpartition("|")
    random, dot, key = branch.rpartition(".")
    first, _, number = random.partition("-")
    if not number.isdigit() or len(number) > 3:
        return wire, 0
    return f"{first}{dot}{key}|{method}", int(number)
