"""Steps the transaction tables of a call and turns their effects into sends, deliveries and deadlines."""

from __future__ import annotations

from math import ceil, inf

import msgspec

from server.engine import targets
from server.engine.call import Call, Item, TransactionRecord
from server.engine.outbound import OutboundEntry
from server.engine.targets import Try
from server.sip import identity
from server.sip import transaction as machine
from server.sip.codec import parse_message, reread
from server.sip.effects import Deliver, Effect, Send, Terminate
from server.sip.message import Request, Response
from server.sip.timers import RETIRING
from server.sip.transaction import Transaction
from server.transport.flow import UNRESOLVED, Flow

LOCAL = Flow("LOCAL", "", 0, "", 0)
"""The flow between two applications of the chain: in memory, reliable, within one turn."""


class Delivery(msgspec.Struct, frozen=True):
    """Something for the transaction user.

    Shape: ``event`` as in ``server.sip.effects.Deliver``; ``key`` of the transaction, empty for a message outside any
    (an ACK to a 2xx); ``position`` as in ``Item``; ``session`` is the SIP session of the transaction, ``origin`` the
    request that began it, parsed if it was needed before.
    """

    event: str
    message: Request | Response | None
    key: str
    flow: Flow
    position: int = 0
    session: str = ""
    origin: Request | bytes = b""


def advance(item: Item, call: Call, now: float) -> list[Delivery]:
    """Take a message through its transaction; a retransmission ends here with the stored answer."""
    message, flow = item.message, item.flow
    assert message is not None
    assert flow is not None
    settings = call.engine.timers
    section = call.transactions
    if isinstance(message, Response):
        key, record = targets.find_client(call, message)
        if record is None:
            return []
        tx, effects = machine.receive(record.transaction, message, now, settings)
        return _apply(call, section.clients, key, record, tx, effects)
    key = machine.server_key(message)
    record = section.servers.get(key)
    if record is not None:
        tx, effects = machine.receive(record.transaction, message, now, settings)
        return _apply(call, section.servers, key, record, tx, effects)
    if message.method == "ACK":
        return [Delivery("ack", message, "", flow, item.position)]
    tx, effects = machine.start_server(message, reliable=flow.transport != "UDP", now=now, settings=settings)
    record = TransactionRecord(tx, flow)
    section.servers[key] = record
    call.parsed[key] = message
    return _apply(call, section.servers, key, record, tx, effects, item.position)


def send_request(
    call: Call,
    request: Request,
    flow: Flow,
    session: str,
    now: float,
    position: int = 0,
    others: tuple[Flow, ...] = (),
) -> str:
    """Begin a client transaction; return its key, which stays when the flow fails and one of the others is tried."""
    key = machine.client_key(request)
    _begin(call, key, targets.by_size(call, Try(request, flow, others)), session, now, position)
    return key


def send_response(call: Call, key: str, response: Response, now: float) -> list[Delivery]:
    """Send a response through its server transaction; nothing happens when that has ended."""
    record = call.transactions.servers.get(key)
    if record is None:
        return []
    tx, effects = machine.respond(record.transaction, response, now, call.engine.timers)
    return _apply(call, call.transactions.servers, key, record, tx, effects)


def cancelled(call: Call, key: str, now: float) -> None:
    """Take notice that a CANCEL was sent for an INVITE: no other target is tried, and it ends in any case."""
    record = call.transactions.clients[key]
    record.others = ()
    tx, effects = machine.cancel(record.transaction, now, call.engine.timers)
    _apply(call, call.transactions.clients, key, record, tx, effects)


def send_directly(call: Call, message: Request | Response, flow: Flow, position: int = 0) -> None:
    """Send what belongs to no transaction: the ACK to a 2xx, a repeated 2xx."""
    if flow.transport == "LOCAL":
        call.inbox.append(Item("message", message, flow, position=position))
    elif flow.transport == UNRESOLVED:
        targets.look_up(call, message, flow)
    else:
        if "privacy" in message.headers.first and flow.remote_host not in call.engine.trust:
            message = identity.leaving(message)
        call.outbox.append(OutboundEntry(message, flow))


def expire(call: Call, now: float) -> list[Delivery]:
    """Fire every timer that is due in any transaction of the call."""
    deliveries: list[Delivery] = []
    section = call.transactions
    for table in (section.clients, section.servers):
        for key, record in list(table.items()):
            if machine.next_due(record.transaction) <= now:
                tx, effects = machine.expire(record.transaction, now, call.engine.timers)
                deliveries += _apply(call, table, key, record, tx, effects)
    return deliveries


def fail(call: Call, flow: Flow, branch: str, now: float) -> list[Delivery]:
    """Tell the client transactions over a flow that it failed; with a branch, the one of that request alone."""
    deliveries: list[Delivery] = []
    table = call.transactions.clients
    for key, record in list(table.items()):
        if record.transaction.state not in {"Calling", "Trying"}:
            continue
        if request_of(call, key).via.branch == branch if branch else record.flow == flow:
            tx, effects = machine.fail(record.transaction, now, call.engine.timers)
            deliveries += _apply(call, table, key, record, tx, effects)
    return deliveries


def resolved(item: Item, call: Call, now: float) -> list[Delivery]:
    """Give what waits for it the answer to a look-up: a transaction its targets, an ACK to a 2xx its way."""
    request, flow, flows = item.message, item.flow, item.targets
    assert isinstance(request, Request)
    assert flow is not None
    key, record = targets.find_client(call, request)
    if record is None or record.flow != flow:
        if request.method == "ACK" and flows:
            branch = request.via.branch or ""
            send_directly(call, call.engine.addressing.readdress(request, flows[0], branch), flows[0])
        return []
    if not flows:
        tx, effects = machine.fail(record.transaction, now, call.engine.timers)
        return _apply(call, call.transactions.clients, key, record, tx, effects)
    return _begin(call, key, targets.first_try(call, record, request_of(call, key), flows), record.session, now)


def next_due(call: Call) -> float:
    """Return the earliest deadline of any transaction; those that only retire something are rounded up to a second."""
    due = retired = inf
    section = call.transactions
    for table in (section.clients, section.servers):
        for record in table.values():
            for name, at in record.transaction.timers.items():
                if name in RETIRING:
                    retired = min(retired, at)
                elif at < due:
                    due = at
    return due if retired >= due else min(due, ceil(retired))


def request_of(call: Call, key: str) -> Request:
    """Return the request that began a transaction; it is parsed at most once a turn.

    Errors: KeyError when the transaction has ended.
    """
    request = call.parsed.get(key)
    if request is None:
        section = call.transactions
        record = section.servers.get(key) or section.clients[key]
        parsed = parse_message(record.transaction.request)
        assert isinstance(parsed, Request)
        request = call.parsed[key] = parsed
    return request


def _begin(call: Call, key: str, one: Try, session: str, now: float, position: int = 0) -> list[Delivery]:
    reliable = one.flow.transport != "UDP"
    tx, effects = machine.start_client(one.request, reliable=reliable, now=now, settings=call.engine.timers)
    record = TransactionRecord(tx, one.flow, session, one.others, one.attempt)
    call.transactions.clients[key] = record
    call.parsed[key] = one.request
    return _apply(call, call.transactions.clients, key, record, tx, effects, position)


def _try_next(call: Call, key: str, record: TransactionRecord, effects: tuple[Effect, ...]) -> list[Delivery]:
    """Acknowledge a 503 and go on with the next target; the user hears nothing of the one that failed."""
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, Request):
            send_directly(call, effect.message, record.flow)
    one = targets.next_try(call, key, record, effects, request_of(call, key))
    return _begin(call, key, one, record.session, call.engine.now())


def _apply(
    call: Call,
    table: dict[str, TransactionRecord],
    key: str,
    record: TransactionRecord,
    tx: Transaction,
    effects: tuple[Effect, ...],
    position: int = 0,
) -> list[Delivery]:
    deliveries: list[Delivery] = []
    if tx is not record.transaction:
        record.transaction = tx
        call.is_changed = True
    if record.others and targets.goes_on(call, record, effects):
        return _try_next(call, key, record, effects)
    for effect in effects:
        if isinstance(effect, Send):
            message = effect.message
            send_directly(call, reread(message) if isinstance(message, bytes) else message, record.flow, position)
        elif isinstance(effect, Deliver):
            origin = call.parsed.get(key, tx.request)
            deliveries.append(
                Delivery(effect.event, effect.message, key, record.flow, position, record.session, origin)
            )
        elif isinstance(effect, Terminate):
            table.pop(key, None)
            call.parsed.pop(key, None)
    return deliveries
