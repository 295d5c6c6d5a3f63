"""Makes an event of what an action returned and puts it into the buffer, as often as the monitor may."""

from __future__ import annotations

from collections.abc import Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.dye import names_of
from weaver.event import Event
from weaver.joinpoint import Invocation
from weaver.redaction import Room, plain_parts, plain_texts
from weaver.shadow import Shadow

if TYPE_CHECKING:
    from weaver.registry import Monitor

_SHOWN = frozenset({"arguments", "result"})
"""Parts of a payload with columns of their own; actions make them with ``redaction.show``."""


def emit(monitor: Monitor, action: str, invocation: Invocation, payload: Mapping[str, Any], phase: str) -> None:
    """Emit the event of one action, or count that the rate forbids it."""
    now = time_ns()
    if not monitor.allowance.may_emit(now):
        return
    shadow, found = invocation.shadow, context.current_context.get()
    owner = owner_of(shadow, invocation.arguments)
    room = Room()
    values = plain_parts({key: value for key, value in payload.items() if key not in _SHOWN}, room)
    arguments = plain_texts(payload.get("arguments"), room)
    result = plain_texts([payload.get("result")], room)
    facts = {} if found is None else plain_parts(found.facts, room)
    if room.is_over:
        monitor.counters.cut += 1
        values["cut"] = True
    vector = 0 if found is None else found.vector
    event = Event(
        record_id=monitor.buffer.next_id(),
        timestamp=now // 1_000_000,
        context_id=None if found is None else found.id,
        transaction_id=None,
        user_id=None,
        type=action,
        domain="",
        server="",
        scope=monitor.definition.scope,
        module=shadow.module,
        monitor=monitor.definition.name,
        filename=shadow.filename,
        line=shadow.line,
        class_name=shadow.class_name if owner is None else owner.__qualname__,
        method=shadow.name,
        method_descriptor=f"({', '.join(p.name for p in shadow.parameters)})",
        arguments=arguments,
        result=result[0] if result else None,
        payload={"phase": phase, **values, "dyes": list(names_of(vector))},
        context_payload=facts or None,
        dyes=vector,
        thread="",
    )
    monitor.counters.emitted += 1
    monitor.buffer.emit(event)


def owner_of(shadow: Shadow, arguments: tuple[Any, ...]) -> type | None:
    """Return the class of the object, or the class, that a method was called on."""
    if not shadow.class_name or not arguments or shadow.parameters[0].name not in {"self", "cls"}:
        return None
    first = arguments[0]
    return first if isinstance(first, type) else type(first)
