"""What a watch does when it fires: it logs, tells, dyes the caller, keeps the marks of the call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from weaver.errors import UnknownNameError
from weaver.log import Log
from weaver.look_back import LookBack
from weaver.management.rpc import MethodLike
from weaver.notices import LEVELS, NoticeBoard
from weaver.watch import Action, Fired, dye_of

log = Log(__name__)

DYE_METHOD = "dye.add"
"""The admin method that adds a dye rule."""
SHOWN = ("record_id", "context_id", "monitor", "class_name", "method", "context_payload", "payload")
"""Fields of the event that a notice holds."""


def watch_actions(
    notices: NoticeBoard,
    look_back: LookBack,
    methods: Callable[[], Mapping[str, MethodLike]],
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Action]:
    """Return the actions by name; ``methods`` are asked for when somebody is to be dyed, who is so already is not."""
    dyed: dict[tuple[str, str, str], float] = {}

    def tell(fired: Fired) -> None:
        watch = fired.watch
        notices.publish("watch.fired", watch.name, words_of(fired), watch.severity, details_of(fired))

    def write(fired: Fired) -> None:
        log.log(LEVELS[fired.watch.severity], "watch %s: %s", fired.watch.name, " ".join(words_of(fired).split()))

    def dye(fired: Fired) -> None:
        method = methods().get(DYE_METHOD)
        if method is None:
            raise UnknownNameError(f"nobody can be dyed: there is no method {DYE_METHOD}")
        kind, value = whom(fired, look_back)
        now = clock()
        for key in [key for key, until in dyed.items() if until <= now]:
            del dyed[key]
        if (kind, value, fired.watch.name) in dyed:
            return
        name, reason = dye_of(fired.watch.name), f"watch {fired.watch.name}"
        method.function({"kind": kind, "value": value, "name": name, "ttl": fired.watch.dye, "reason": reason})
        dyed[kind, value, fired.watch.name] = now + fired.watch.dye

    def keep(fired: Fired) -> None:
        call = fact(fired, "call_key")
        if not call or not look_back.keep(call, f"watch {fired.watch.name}"):
            raise UnknownNameError("the event's call has no marks; the monitor CallMarks leaves them while it is on")

    return {"notify": tell, "log": write, "dye": dye, "look_back": keep}


def words_of(fired: Fired) -> str:
    """Return why a watch has fired, in one line."""
    if fired.event is None:
        return f"{fired.watch.when}: it is {fired.value:g}"
    return f"{fired.watch.when}: {fired.event.monitor} at {fired.event.module}.{fired.event.method}"


def details_of(fired: Fired) -> dict[str, Any]:
    """Return what a notice holds besides its text."""
    if fired.event is None:
        return {"value": fired.value}
    return {name: getattr(fired.event, name) for name in SHOWN}


def whom(fired: Fired, look_back: LookBack) -> tuple[str, str]:
    """Return kind and value of the dye rule for the caller, whom look back knows; else for the call.

    Errors: UnknownNameError when the event belongs to no call.
    """
    caller = look_back.caller_of(fact(fired, "call_key"))
    if caller:
        return "caller", caller
    call_id = fact(fired, "call_id")
    if call_id:
        return "call-id", call_id
    raise UnknownNameError("the event belongs to no call, so that there is nobody to dye")


def fact(fired: Fired, name: str) -> str:
    """Return a fact of the message that the event belongs to, empty when it is not known."""
    value = (fired.event.context_payload or {}).get(name) if fired.event is not None else None
    return value if isinstance(value, str) else ""
