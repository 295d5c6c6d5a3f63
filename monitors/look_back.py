"""CallMarks: leaves marks of each call's way, and keeps those of a call that fails or is dyed.

A call fails by a final status of the set ``fails`` without ``passes``, in a message that comes, goes or is served (what
times out is served as a 408), by an exception, where one with a status counts as that, and by a connection that breaks.
Whatever is not kept by the time its call ends is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any, NamedTuple

from monitors.message_facts import uri_in
from weaver.api import (
    ActionKind,
    Compiled,
    InvalidAttributeError,
    Invocation,
    JoinPoint,
    LookBack,
    MonitorDefinition,
    Plugins,
    dye_vector,
    parse_pointcut,
    wanted_flags,
)

POINTCUT = (
    "execution(* server.engine.turn.process_inbound(..)) or execution(* server.engine.outbound.send_outbound(..)) "
    "or execution(* server.servlet.sip_servlet.SipServlet+.service(..)) or execution(* server.state..*Store.remove(..))"
)

DEFAULTS: Mapping[str, Any] = {
    "fails": "4xx 5xx 6xx",
    "passes": "401 407 487",
    "marks": 32,
    "calls": 2_000,
    "kept": 200,
}
LARGEST: Mapping[str, int] = {"marks": 1_000, "calls": 100_000, "kept": 10_000}

NAMES = 2
"""Call-IDs that a call is known by: one for each leg."""
LENGTH = 64
"""Characters of a method in a mark."""

_STATUS = re.compile(r"[1-6](?:\d\d|xx)")


class Steps(NamedTuple):
    """What is done at one joinpoint: with its arguments, then with what ``enter`` returned and the outcome."""

    enter: Callable[..., Any]
    exit: Callable[[Any, Any], object] | None = None
    throw: Callable[[Any, BaseException], object] | None = None


class Failing:
    """The statuses that a call fails by, as they are set now."""

    def __init__(self) -> None:
        self.statuses: frozenset[int] = frozenset()


class CallMarksAction:
    """The fixed action of the monitor.

    Shape: properties ``fails`` and ``passes`` are lists of statuses, ``503`` or ``5xx``; ``marks`` in a ring, ``calls``
    with one, ``kept`` ones.
    """

    name = "CallMarksAction"
    kind: ActionKind = "built-in"

    def __init__(self, look_back: LookBack) -> None:
        self._look_back = look_back
        self._failing = Failing()
        self._steps = {
            "process_inbound": inbound(look_back, self._failing),
            "send_outbound": outbound(look_back, self._failing),
            "service": served(look_back, self._failing),
            "remove": Steps(lambda _store, checkout, *_: look_back.forget(checkout.key)),
        }
        self.configure({})

    def __copy__(self) -> CallMarksAction:
        """Return one that can be configured to see whether it would take the properties."""
        return CallMarksAction(LookBack())

    def configure(self, properties: Mapping[str, Any]) -> None:
        """Take new properties, all or none of them.

        Errors: InvalidAttributeError, naming the property.
        """
        unknown = [key for key in properties if key not in DEFAULTS]
        if unknown:
            raise InvalidAttributeError(f"CallMarks: {unknown[0]} is no property; known: {', '.join(DEFAULTS)}")
        values = {**DEFAULTS, **properties}
        fails = statuses("fails", values["fails"]) - statuses("passes", values["passes"])
        bounds = {key: _count(key, values[key], most) for key, most in LARGEST.items()}
        self._failing.statuses = fails
        self._look_back.resize(**bounds)

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Leave the mark."""
        invocation.state = self._steps[invocation.shadow.name].enter(*invocation.arguments)

    def leave(self, invocation: Invocation) -> None:
        """See how it has ended."""
        steps = self._steps[invocation.shadow.name]
        if invocation.error is not None and steps.throw is not None:
            steps.throw(invocation.state, invocation.error)
        elif invocation.error is None and steps.exit is not None:
            steps.exit(invocation.state, invocation.result)

    def compile(self, joinpoint: JoinPoint) -> Compiled | None:
        """Return the steps of a joinpoint, to be called by the woven code itself; a servlet's message has properties.

        What these run could be woven.
        """
        steps = self._steps[joinpoint.shadow.name]
        return None if joinpoint.shadow.name == "service" else Compiled(*steps)


def inbound(look_back: LookBack, failing: Failing) -> Steps:
    """Return what is done where an item enters its call: the marks of all that follows go into the call's ring."""
    clock, begin, keep = perf_counter_ns, look_back.begin, look_back.keep

    def enter(item: Any, call: Any) -> Any:
        begun = begin(call.key)
        message = item.message
        if message is None:
            begun[0].append((clock(), "item", item.kind))
            if item.kind == "failure":
                keep(call.key, "the connection broke")
            return begun
        status = getattr(message, "status", 0)
        begun[0].append((clock(), "in", status or message.method[:LENGTH]))
        if status in failing.statuses:
            keep(call.key, f"status {status}")
        return begun

    def exit_(begun: Any, _result: object) -> None:
        wanted = wanted_flags()
        if wanted and not begun[0].is_kept and wanted & dye_vector():
            keep(begun[0].call, LookBack.DYED)
        look_back.end(begun[1])

    def throw(begun: Any, error: BaseException) -> None:
        _raised(look_back, failing, begun[0], error)
        look_back.end(begun[1])

    return Steps(enter, exit_, throw)


def outbound(look_back: LookBack, failing: Failing) -> Steps:
    """Return what is done where a message leaves."""
    clock, current, keep = perf_counter_ns, look_back.current, look_back.keep

    def enter(message: Any, _flow: object, _transports: object) -> None:
        ring = current()
        if ring is None:
            return
        status = getattr(message, "status", 0)
        ring.append((clock(), "out", status or message.method[:LENGTH]))
        if status in failing.statuses:
            keep(ring.call, f"status {status}")

    return Steps(enter)


def served(look_back: LookBack, failing: Failing) -> Steps:
    """Return what is done where a servlet serves a message."""

    def enter(servlet: Any, message: Any) -> Any:
        ring = look_back.current()
        if ring is None:
            return None
        if len(ring.names) < NAMES:
            ring.add_name(_call_id_of(message))
            ring.caller = ring.caller or _caller_of(message)
        status = getattr(message, "status", 0)
        ring.append((perf_counter_ns(), type(servlet).__name__, status or message.method[:LENGTH]))
        if status in failing.statuses:
            look_back.keep(ring.call, f"status {status}")
        return ring

    return Steps(enter, None, lambda ring, error: _raised(look_back, failing, ring, error))


def _raised(look_back: LookBack, failing: Failing, ring: Any, error: BaseException) -> None:
    """Mark an exception; one with a status is how a servlet refuses, and counts as its answer does."""
    if ring is None:
        return
    name, status = type(error).__name__, getattr(error, "status", None)
    ring.append((perf_counter_ns(), "raised", name))
    if not isinstance(status, int):
        look_back.keep(ring.call, f"{name} was raised")
    elif status in failing.statuses:
        look_back.keep(ring.call, f"status {status}")


def statuses(name: str, text: object) -> frozenset[int]:
    """Return the statuses that a property lists.

    Errors: InvalidAttributeError.
    """
    found: set[int] = set()
    for word in str(text).replace(",", " ").split():
        if _STATUS.fullmatch(word) is None:
            raise InvalidAttributeError(f"CallMarks: {name}: {word!r} is no status, such as 503 or 5xx")
        first = int(word[0]) * 100
        found.update(range(first, first + 100) if word.endswith("xx") else (int(word),))
    return frozenset(found)


def _count(name: str, value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise InvalidAttributeError(f"CallMarks: {name} must be 1 to {most}, not {value!r}")
    return value


def _call_id_of(message: Any) -> str:
    try:
        return str(message.call_id)
    except ValueError:
        return ""  # a header that nobody can read


def _caller_of(message: Any) -> str:
    try:
        return uri_in(message.message.headers.get("from") or "")
    except (AttributeError, ValueError):
        return ""  # an application's own kind of message, or a header that nobody can read


def register(plugins: Plugins) -> None:
    """Contribute the monitor."""
    action = CallMarksAction(plugins.look_back)
    plugins.monitor(
        MonitorDefinition(
            "CallMarks",
            "server",
            "standard",
            "around",
            parse_pointcut(POINTCUT),
            "Leaves marks of each call's way; those of a call that fails or is dyed are kept: `weaver look-back ls`.",
            (action.name,),
            action,
            precedence=10,
        )
    )
