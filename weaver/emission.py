"""Makes an event of what an action returned and puts it into the buffer, as often as the monitor may.

This is the way of every event, so what does not change from one to the next is made once: what is said of a joinpoint
(``JoinPoint.place``) and what is said of a message (``told``). Events share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any

from weaver.classes import class_of, qualname_of
from weaver.event import Event
from weaver.joinpoint import Invocation
from weaver.redaction import Room, plain_parts, plain_texts
from weaver.shadow import Shadow
from weaver.told import told

if TYPE_CHECKING:
    from weaver.at_work import Monitor

_SHOWN = frozenset({"arguments", "result"})
"""Parts of a payload with columns of their own; actions make them with ``redaction.show``."""


def emit(monitor: Monitor, action: str, invocation: Invocation, payload: Mapping[str, Any], phase: str) -> None:
    """Emit the event of one action, or count that the rate forbids it."""
    now = time_ns()
    buffer = monitor.buffer
    if not monitor.allowance.may_emit(now):
        buffer.drop("rate")
        return
    message, place, origin = told(), invocation.joinpoint.place, buffer.origin
    arguments: list[str] | None = None
    result: str | None = None
    said, is_cut = message.payloads[phase], message.is_cut
    if payload.__class__ is not dict and not isinstance(payload, Mapping):
        raise TypeError(f"{action} returns a table for its event, or nothing, and no {type(payload).__name__}")
    if payload:
        room = Room()
        values = plain_parts({key: value for key, value in payload.items() if key not in _SHOWN}, room)
        arguments = plain_texts(payload.get("arguments"), room)
        result = next(iter(plain_texts([payload.get("result")], room) or ()), None)
        is_cut |= room.is_over
        said = {"phase": phase, **values, **({"cut": True} if is_cut else {}), "dyes": message.dyes}
    monitor.counters.cut += is_cut
    class_name = place.class_name
    if place.has_owner and invocation.arguments:
        class_name = qualname_of(class_of(invocation.arguments[0]))
    event = Event(  # by position, in the order of the fields: by keyword it takes six times as long
        buffer.next_id(), now // 1_000_000, message.id, message.transaction_id, message.user_id, action,
        origin.domain, origin.server, monitor.definition.scope, place.module, monitor.definition.name,
        place.filename, place.line, class_name, place.method, place.method_descriptor, arguments, result, said,
        message.context_payload, message.vector, origin.thread(),
    )  # fmt: skip
    monitor.counters.emitted += 1
    buffer.emit(event)


def owner_of(shadow: Shadow, arguments: tuple[Any, ...]) -> type | None:
    """Return the class of the object, or the class, that a method was called on."""
    return class_of(arguments[0]) if shadow.has_owner and arguments else None
