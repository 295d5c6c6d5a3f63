"""One transaction: (transaction, event, now) -> (transaction, effects), by the tables; keys and matching.

A transaction is plain data: it can be stored after any step and taken up by another engine.
"""

from __future__ import annotations

from math import inf

import msgspec

from server.errors import IllegalTransitionError
from server.sip.build import make_ack, make_response
from server.sip.codec import parse_message
from server.sip.effects import Deliver, Effect, Send, Terminate
from server.sip.ids import MAGIC_COOKIE
from server.sip.message import Request, Response
from server.sip.timers import RETIRING, TimerSettings, first_wait, next_wait
from server.sip.transaction_tables import START, TABLES

Step = tuple["Transaction", tuple[Effect, ...]]

TELLS = {"timeout": "timeout", "failed": "transport-error", "no-ack": "no-ack", "no-answer": "no-answer"}
"""Action -> what the user is told."""

IDLE = ("idle",)
UNCHANGED = frozenset({IDLE, ("resend",)})
"""Actions that leave the transaction as it was; it is then the same value, not an equal one."""


class Transaction(msgspec.Struct, frozen=True, array_like=True):
    """A transaction.

    Shape: ``timers`` maps a timer's name to its deadline, ``interval`` is the last wait of the one that repeats;
    ``request`` is the request's bytes, ``response`` the last response that a server sent.
    Units: deadlines and intervals in seconds.
    """

    machine: str
    state: str
    reliable: bool
    request: bytes
    response: bytes | None = None
    timers: dict[str, float] = {}
    interval: float = 0.0


def client_key(message: Request | Response) -> str:
    """Return the key of the client transaction that a request begins or a response belongs to.

    Source: RFC 3261 17.1.3.
    """
    return f"{message.via.branch}|{message.cseq.method}"


def server_key(request: Request) -> str:
    """Return the key of the server transaction that a request begins or belongs to; an ACK has that of its INVITE.

    Source: RFC 3261 17.2.3.
    """
    return _server_key(request, "INVITE" if request.method == "ACK" else request.method)


def invite_key_of_cancel(cancel: Request) -> str:
    """Return the key of the INVITE server transaction that a CANCEL is for.

    Source: RFC 3261 9.2.
    """
    return _server_key(cancel, "INVITE")


def _server_key(request: Request, method: str) -> str:
    via = request.via
    branch = via.branch or ""
    if branch.startswith(MAGIC_COOKIE):
        return f"{branch}|{via.sent_by}|{method}"
    # The To tag stays out: an ACK has the one of our response, its INVITE has none, and they must meet.
    return f"{request.uri}|{request.from_.tag}|{request.call_id}|{request.cseq.number}|{via}|{method}"


def start_client(request: Request, *, reliable: bool, now: float, settings: TimerSettings) -> Step:
    """Begin a client transaction: send the request."""
    machine = "invite-client" if request.method == "INVITE" else "non-invite-client"
    return _start(machine, request, reliable, now, settings), (Send(request),)


def start_server(request: Request, *, reliable: bool, now: float, settings: TimerSettings) -> Step:
    """Begin a server transaction: give the request to the user."""
    machine = "invite-server" if request.method == "INVITE" else "non-invite-server"
    return _start(machine, request, reliable, now, settings), (Deliver("request", request),)


def receive(tx: Transaction, message: Request | Response, now: float, settings: TimerSettings) -> Step:
    """Take a message from the wire that belongs to the transaction."""
    if isinstance(message, Response):
        return _step(tx, _class_of(message.status), message, now, settings)
    return _step(tx, "ack" if message.method == "ACK" else "request", message, now, settings)


def respond(tx: Transaction, response: Response, now: float, settings: TimerSettings) -> Step:
    """Take a response from the user of a server transaction."""
    return _step(tx, _class_of(response.status), response, now, settings)


def cancel(tx: Transaction, now: float, settings: TimerSettings) -> Step:
    """Take notice that the user of a client transaction has sent a CANCEL for it.

    Source: RFC 3261 9.1.
    """
    return _step(tx, "cancel", None, now, settings)


def fail(tx: Transaction, now: float, settings: TimerSettings) -> Step:
    """Take an error of the transport."""
    return _step(tx, "error", None, now, settings)


def expire(tx: Transaction, now: float, settings: TimerSettings) -> Step:
    """Fire the timers that are due, the earliest first; retransmissions that were missed are sent as one."""
    effects: list[Effect] = []
    while tx.timers and tx.state != "Terminated":
        name = min(tx.timers, key=tx.timers.__getitem__)
        due = tx.timers[name]
        if due > now:
            break
        timers = {other: at for other, at in tx.timers.items() if other != name}
        rest = Transaction(tx.machine, tx.state, tx.reliable, tx.request, tx.response, timers, tx.interval)
        tx, more = _step(rest, name, None, due, settings)
        effects += [effect for effect in more if not (isinstance(effect, Send) and effect in effects)]
    return tx, tuple(effects)


def next_due(tx: Transaction) -> float:
    """Return the earliest deadline, infinity when there is none."""
    return min(tx.timers.values(), default=inf)


def _start(machine: str, request: Request, reliable: bool, now: float, settings: TimerSettings) -> Transaction:
    state, actions = START[machine]
    timers: dict[str, float] = {}
    for action in actions:
        wait = first_wait(action[4:], reliable=reliable, settings=settings)
        if wait is not None:
            timers[action[4:]] = now + wait
    return Transaction(machine, state, reliable, request.wire(), None, timers, settings.t1)


def _class_of(status: int) -> str:
    return "1xx" if status < 200 else "2xx" if status < 300 else "3xx-6xx"


def _step(tx: Transaction, event: str, message: Request | Response | None, now: float, settings: TimerSettings) -> Step:
    found = TABLES[tx.machine].get((tx.state, event))
    if found is None:
        raise IllegalTransitionError(tx.machine, tx.state, event)
    state, actions = found
    if actions in UNCHANGED:
        return tx, (() if actions == IDLE else _again(tx))
    timers, interval, response = tx.timers, tx.interval, tx.response
    effects: list[Effect] = []
    for action in actions:
        if action == "deliver":
            kind = "response" if isinstance(message, Response) else "ack"
            effects.append(Deliver(kind, message))
        elif action in {"send", "trying"}:
            answer = _trying(tx) if action == "trying" else message
            assert isinstance(answer, Response)
            response = answer.wire()
            effects.append(Send(answer))
        elif action == "resend":
            effects += _again(tx)
        elif action == "ack":
            assert isinstance(message, Response)
            effects.append(Send(make_ack(_request_of(tx), message)))
        elif action in TELLS:
            effects.append(Deliver(TELLS[action]))
        elif action == "stop":
            timers = {}
        else:
            timers, interval = _set(tx, action, timers, interval, now, settings)
    if state == "Terminated" or (tx.reliable and state != tx.state and _over(timers, now)):
        state, timers = "Terminated", {}
        effects.append(Terminate())
    return Transaction(tx.machine, state, tx.reliable, tx.request, response, timers, interval), tuple(effects)


def _again(tx: Transaction) -> tuple[Effect, ...]:
    """Send what is kept: the request of a client, the last response of a server, if it has sent one."""
    data = tx.request if "client" in tx.machine else tx.response
    return () if data is None else (Send(data),)


def _request_of(tx: Transaction) -> Request:
    request = parse_message(tx.request)
    assert isinstance(request, Request)
    return request


def _trying(tx: Transaction) -> Response:
    return make_response(_request_of(tx), 100)


def _set(
    tx: Transaction, action: str, timers: dict[str, float], interval: float, now: float, settings: TimerSettings
) -> tuple[dict[str, float], float]:
    verb, name = action.split(" ")
    wait: float | None
    if verb == "set":
        wait = first_wait(name, reliable=tx.reliable, settings=settings)
        interval = settings.t1
    elif verb == "again":
        wait = interval = next_wait(name, interval, settings)
    else:
        wait = settings.t2
    return (timers if wait is None else {**timers, name: now + wait}), interval


def _over(timers: dict[str, float], now: float) -> bool:
    """Say whether a timer that only retires the transaction was set to fire at once (reliable transports)."""
    return any(at <= now and name in RETIRING for name, at in timers.items())
