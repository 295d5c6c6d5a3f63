"""A turn: check the call state out, work its items off, check it in, then send.

A turn that has only sent again what is stored, as for a retransmission, stores nothing.

``process_inbound`` is the one place where an item enters a call.
"""

from __future__ import annotations

import logging
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from server.clock import Deadline
from server.engine import transactions
from server.engine.call import Call, CallKey, Item, decode_call
from server.engine.outbound import OutboundEntry, send_outbound
from server.errors import (
    CallStateError,
    CallStateLockedError,
    CallStateLostError,
    CallStateTooLargeError,
    PartitionUnavailableError,
    StaleTokenError,
    TransportError,
)
from server.state.store import Checkout

if TYPE_CHECKING:
    from server.engine.engine import Engine

log = logging.getLogger(__name__)


def run_turn(key: CallKey, queue: deque[Item], engine: Engine) -> None:
    """Work off what waits for a call, as much as one turn may, and send what came of it.

    Switches: yes (the state tier may be another process).
    """
    item = queue[0]
    try:
        checkout, call = _check_out(key, engine, create=item.begins or item.kind == "action")
    except CallStateLostError:
        queue.popleft()
        engine.lost(key, item)
        return
    except (CallStateLockedError, PartitionUnavailableError) as error:
        log.warning("%s", error)
        queue.popleft()
        engine.refuse(item, 503)
        return
    except Exception:
        log.exception("call %s: the call state could not be read", key)
        queue.popleft()
        engine.refuse(item, 500)
        return
    done = _work_off(queue, call)
    if not call.is_changed:
        _put_back(checkout, call, engine)
        return
    failure = _check_in(checkout, call, engine)
    if failure is not None:
        _refuse_all(done, failure, engine)


def _work_off(queue: deque[Item], call: Call) -> list[Item]:
    """Process what waits, as much as one turn may; return what was taken."""
    engine, done = call.engine, []
    limit = engine.monotonic() + engine.turn_budget
    for _ in range(engine.turn_items):
        item = queue.popleft()
        done.append(item)
        try:
            if item.context is None:
                process_inbound(item, call)
            else:
                item.context.run(process_inbound, item, call)
        except Exception:
            call.is_changed = True  # nobody knows how far it came
            engine.failed_items += 1
            log.exception("call %s: an item of kind %s was given up", call.key, item.kind)
        if not queue or engine.monotonic() > limit:
            break
    return done


def _refuse_all(items: list[Item], failure: Exception, engine: Engine) -> None:
    """Answer the requests of a turn that came to nothing, unless the same request may be stored when it is repeated."""
    if isinstance(failure, CallStateTooLargeError):
        status = 513
    elif isinstance(failure, CallStateError):
        return
    else:
        status = 500
    for item in items:
        engine.refuse(item, status)


def process_inbound(item: Item, call: Call) -> None:
    """Take one item, and what the applications hand to each other because of it, through the call."""
    engine = call.engine
    now = engine.now()
    if item.kind == "message":
        _step(item, call, now)
    else:
        call.is_changed = True
    if item.kind == "action":
        assert item.action is not None
        item.action(call)
    elif item.kind == "failure":
        assert item.flow is not None
        engine.deliver(call, transactions.fail(call, item.flow, item.branch, now))
    elif item.kind == "resolved":
        engine.deliver(call, transactions.resolved(item, call, now))
    if call.due <= now:
        call.is_changed = True
        engine.deliver(call, transactions.expire(call, now))
        engine.user.expire(call, now)
    while call.inbox:
        _step(call.inbox.popleft(), call, now)


def release(entries: list[OutboundEntry], engine: Engine, key: CallKey) -> None:
    """Send the entries in order, each in the context it was made in; what fails comes back to the call as an item."""
    for entry in entries:
        try:
            entry.context.run(send_outbound, entry.message, entry.flow, engine.transports)
        except TransportError as error:
            engine.queues.enqueue(key, Item("failure", flow=entry.flow, reason=error.reason, context=entry.context))
        except Exception:
            log.exception("call %s: a message could not be sent to %s", key, entry.flow)


def _step(item: Item, call: Call, now: float) -> None:
    deliveries = transactions.advance(item, call, now)
    if deliveries:
        call.is_changed = True
        call.engine.deliver(call, deliveries)


def _check_out(key: CallKey, engine: Engine, *, create: bool) -> tuple[Checkout, Call]:
    cached = engine.near_cache.get(key)
    version, near = cached if cached is not None else (-1, None)
    checkout = engine.store.check_out(key, create=create, cached=version)
    if checkout.state is not None:
        try:
            return checkout, decode_call(checkout.state, engine)
        except Exception:
            engine.store.unlock(checkout)
            raise
    if checkout.version and near is not None:
        return checkout, near
    return checkout, Call(key, engine)


def _put_back(checkout: Checkout, call: Call, engine: Engine) -> None:
    """Unlock a call that is as it was, and send what was stored before."""
    entries, call.outbox = call.outbox, []
    engine.store.unlock(checkout)
    release(entries, engine, call.key)


def _check_in(checkout: Checkout, call: Call, engine: Engine) -> Exception | None:
    """Store the call and send what it made; return why it could not be stored."""
    entries, call.outbox = call.outbox, []
    waiting, call.stored, call.is_changed = call.stored, [], False
    key = call.key
    failure: Exception | None = None
    try:
        call.due = due = min(transactions.next_due(call), engine.user.next_due(call))
        if due == inf and not engine.user.is_alive(call):
            engine.store.remove(checkout)
            engine.near_cache.drop(key)
        else:
            state = call.encode()
            version = engine.store.check_in(
                checkout, state, next_due=None if due == inf else Deadline(due), expires=None
            )
            engine.near_cache.put(key, version, call, len(state))
        engine.near_timers.schedule(key, due)
    except StaleTokenError as error:
        failure = error
        log.warning("call %s: another engine has taken the call; this turn is void", key)
    except Exception as error:  # whatever it was, the call must not stay locked
        failure = error
        engine.store.unlock(checkout)
        log.error(
            "call %s: the call state could not be stored, nothing is sent: %s",
            key,
            error,
            exc_info=not isinstance(error, CallStateError),
        )
    for tell in waiting:
        tell(failure)
    if failure is None:
        release(entries, engine, key)
    else:
        engine.near_cache.drop(key)
    return failure
