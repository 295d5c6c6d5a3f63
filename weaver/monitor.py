"""Monitors as data: what the library and ``instrumentation.toml`` define."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from weaver.joinpoint import Invocation
from weaver.pointcut.nodes import Pointcut
from weaver.weaving.guard import Passes

Scope = Literal["server", "application"]
"""When a monitor's joinpoints are woven: at build time, or when their modules are loaded."""
Kind = Literal["standard", "delegating", "custom"]
Location = Literal["before", "after", "around"]
"""When a monitor acts."""
ActionKind = Literal["stateless", "around", "built-in"]
"""Stateless actions fit before and after, around ones around; a built-in one belongs to a standard monitor."""


class Action(Protocol):
    """What a monitor does; one object serves all invocations.

    Shape: a stateless action has ``run``; an around action has ``enter`` and ``leave``; a built-in one has what its
    monitor's location asks for. What is returned is put into the event's payload; None emits no event.
    An action may declare ``Properties``, the model of what monitors can set for it (``weaver.properties``);
    ``monitors``, patterns of the names of the delegating monitors that it is for; ``hang_ms``, the milliseconds that it
    may take, and in a second, where the limits of its monitor say nothing; and ``switch_on(monitor)`` and
    ``switch_off(monitor)``, called when a monitor that is on begins and ends to have it.
    An action may also have ``compile(joinpoint) -> Compiled | None``: the same work, done faster, where a monitor has
    no other action, fires for every pass that its dye mask lets through, and is alone at the shadow. Only for an action
    that emits no events, calls nothing that could be woven, and keeps no argument. Its passes are counted by the woven
    code, its errors as ever; its time is not measured. A ``Compiled()`` with nothing in it only counts.
    """

    name: str
    kind: ActionKind

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Act before or after the joinpoint."""
        ...

    def enter(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Act before the joinpoint."""
        ...

    def leave(self, invocation: Invocation) -> Mapping[str, Any] | None:
        """Act after the joinpoint, also when it raised."""
        ...


CHANGES_RESULT = frozenset({"ContextPropagation"})
"""The monitors that may change what a joinpoint returns; all others observe."""


@dataclass(frozen=True, slots=True)
class MonitorDefinition:
    """One monitor as the library or the configuration defines it.

    Shape: ``outermost`` has it fire once for the nested joinpoints of one object and message; ``precedence`` orders
    monitors at one joinpoint, the lowest first, then by name; ``action`` is the fixed one of a standard monitor.
    ``includes`` and ``excludes`` are patterns of ``module.Class`` (``*`` any text; a module or class takes what lies
    below it along): the class of the object that a method is called on, the module for a function.
    ``changes_result`` has what its action leaves in ``invocation.result`` be the result, for the monitors of which the
    registry allows it (``CHANGES_RESULT``). ``sets_dyes`` is for what other monitors' masks wait for: it has none.
    """

    name: str
    scope: Scope
    kind: Kind
    location: Location
    pointcut: Pointcut
    description: str = ""
    actions: tuple[str, ...] = ()
    action: Action | None = None
    outermost: bool = False
    precedence: int = 100
    properties: Mapping[str, Any] = field(default_factory=dict)
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    changes_result: bool = False
    sets_dyes: bool = False

    @property
    def action_kind(self) -> ActionKind:
        """The kind of the actions that fit it."""
        if self.kind == "standard":
            return "built-in"
        return "around" if self.location == "around" else "stateless"


@dataclass(slots=True)
class MonitorSettings:
    """What of a monitor changes while the program runs."""

    enabled: bool = False
    dye_mask: tuple[str, ...] = ()
    dye_filtering: bool = True
    actions: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    description: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class MonitorCounters:
    """Counts of one monitor.

    Shape: ``undyed`` passes had not its mask; ``kept_out`` ones had, and were of another class, not the outermost or
    refused by the pointcut's test; ``passes``, by joinpoint, are those in which it fired; ``cut`` events were larger
    than an event may be.
    Units: ``ns`` nanoseconds spent in its actions, but for compiled ones.
    """

    undyed: int = 0
    kept_out: int = 0
    emitted: int = 0
    cut: int = 0
    errors: int = 0
    ns: int = 0
    passes: dict[str, Passes] = field(default_factory=dict)

    def passes_at(self, joinpoint: str) -> Passes:
        """Return the count at a joinpoint; woven code counts there itself."""
        return self.passes.setdefault(joinpoint, Passes())

    def read(self) -> dict[str, int]:
        """Return the counts by name: reached the advice, had the dyes, fired, and what came of it."""
        fired = sum(passes.n for passes in list(self.passes.values()))
        dyed = fired + self.kept_out
        counts = {"reached": dyed + self.undyed, "dyed": dyed, "fired": fired}
        return counts | {name: getattr(self, name) for name in ("emitted", "cut", "errors", "ns")}
