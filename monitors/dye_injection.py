"""DyeInjection: sets the dyes of each message at the dye points and resets them when the message is done."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from monitors.call_dyes import CallDyes
from monitors.dye_points import POINTS
from monitors.message_facts import Facts
from monitors.rule_matcher import RuleMatcher
from weaver.api import (
    FLAGS,
    ActionKind,
    Compiled,
    DyeFlag,
    InvalidAttributeError,
    Invocation,
    JoinPoint,
    MonitorDefinition,
    Plugins,
    RuleBook,
    current_context,
    follow_wanted,
    mask_of,
    parse_pointcut,
    wanted_flags,
)

POINTCUT = " or ".join(
    f"execution(* {function}(..))"
    for function in (
        "server.engine.turn.process_inbound",
        "server.engine.outbound.send_outbound",
        "server.http.wsgi.handle_request",
        "server.container.authenticator.Authenticator.authenticate",
        "server.state.memory.MemoryStore.remove",
    )
)

Look = Callable[[Any, Any, Any, str | None], int]
"""What stands at a dye point, its flow and item if it is a SIP message, the key of its call -> vector."""
Tested = tuple[tuple[int, Callable[[Any], bool]], ...]

NAMED = -1 << len(FLAGS)
"""The dyes that rules set."""

FACTS: Mapping[str, Callable[[Any, Any, Any], Facts]] = {
    "sip": Facts,
    "http": lambda request, _flow, _item: Facts(request=request),
    "user": lambda name, _flow, _item: Facts(authenticated=name),
}

IMPLICIT = {"sip": "PROTOCOL_SIP", "http": "PROTOCOL_HTTP", "user": ""}
"""The flag that everything at a place has."""


class Dyer:
    """Finds the dyes of a message.

    Shape: ``sip``, ``http`` and ``user`` find those of what stands at a dye point; None where nothing has to be asked,
    so that only the implicit flag is set.
    """

    def __init__(self, flags: Mapping[str, DyeFlag], book: RuleBook) -> None:
        self.sip: Look | None = None
        self.http: Look | None = None
        self.user: Look | None = None
        self.calls = CallDyes()
        self.unreadable = 0
        self._flags = flags
        self._tests: dict[str, Callable[[Any], bool]] = {}
        self._values: dict[str, tuple[str, ...]] = {}
        self._properties: Mapping[str, Any] = {}
        self._matcher = RuleMatcher(book, self.calls, self.renew)
        follow_wanted(self.renew)

    def configure(self, properties: Mapping[str, Any]) -> None:
        """Take new properties, all or none of them; a flag whose own have not changed keeps its test.

        Errors: InvalidAttributeError, naming the property.
        """
        known = {name for flag in self._flags.values() for name in properties_of(flag)}
        for key in properties:
            if key not in known:
                raise InvalidAttributeError(f"DyeInjection: {key} is no property; known: {', '.join(sorted(known))}")
        tests, values = {}, {}
        for name, flag in self._flags.items():
            own = properties_of(flag)
            if own and not any(key in properties for key in own):
                continue
            values[name] = tuple(str(properties.get(key, "")) for key in own) or ("",)
            try:
                kept = self._tests[name] if self._values.get(name) == values[name] else None
                tests[name] = kept or flag.compile(*values[name])
            except ValueError as error:
                raise InvalidAttributeError(f"DyeInjection: {', '.join(own)}: {error}") from error
        self._tests, self._values, self._properties = tests, values, properties
        self.renew()

    def complete(self) -> None:
        """Take the flags into account that plugins have brought meanwhile."""
        self.configure(self._properties)

    def statistics(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        """Return what could not be read, which calls keep dyes, and how many went for want of room."""
        del parameters
        unreadable = self.unreadable + self._matcher.unreadable
        return {"unreadable": unreadable, "calls": len(self.calls), "calls_forgotten": self.calls.forgotten}

    def renew(self) -> None:
        """Find anew what has to be asked."""
        self.sip, self.http, self.user = (self._look(place) for place in ("sip", "http", "user"))

    def _look(self, place: str) -> Look | None:
        implicit = IMPLICIT[place]
        base = mask_of((implicit,)) if implicit else 0
        tested = self._tested(place, implicit)
        asks_call = bool(self.calls) or any(map(self._matcher.has_rules, IMPLICIT))
        if not tested and not asks_call:
            return None
        asked = self._asking_tests(place, tested) if tested or self._matcher.has_patterns(place) else None
        return self._asking(place, base, asked)

    def _tested(self, place: str, implicit: str) -> Tested:
        """Return the tests that are put to what stands at a place, with the bit of each."""
        wanted = wanted_flags()
        return tuple(
            (bit, test)
            for name, test in self._tests.items()
            if name != implicit
            and place in getattr(self._flags[name], "applies", ("sip", "http"))
            and ((bit := mask_of((name,))) & wanted or not getattr(self._flags[name], "lazy", False))
        )

    def _asking_tests(self, place: str, tested: Tested) -> Callable[[Facts], tuple[int, int]]:
        """Return what puts tests and patterns to facts; it gives the dyes of flags and of rules."""
        matching = self._matcher.matching

        def ask(facts: Facts) -> tuple[int, int]:
            vector = 0
            for bit, test in tested:
                try:
                    if test(facts):
                        vector |= bit
                except Exception:  # noqa: BLE001 - a peer may send anything
                    self.unreadable += 1
            return vector, matching(place, facts)

        return ask

    def _asking(self, place: str, base: int, asked: Callable[[Facts], tuple[int, int]] | None) -> Look:
        """Return what asks the rules, the tests and what the call keeps."""
        rules, hit, kept = self._matcher.place(place), self._matcher.hit, self.calls.vectors
        facts_of, outer_of = FACTS[place], current_context.get

        def look(subject: Any, flow: Any, item: Any, key: str | None) -> int:
            ruled = vector = 0
            if subject is not None:
                vector = base
                for raw, table in rules.order:
                    try:
                        found = table[raw(subject, flow)]
                    except Exception:  # noqa: BLE001 - a peer may send anything
                        self.unreadable += 1
                    else:
                        if found:
                            ruled |= hit(found)
            if asked is not None:
                flags, more = asked(facts_of(subject, flow, item))
                vector |= flags
                ruled |= more
            outer = outer_of()
            if outer is not None:
                ruled |= outer.vector & NAMED
            if ruled and key is not None:
                self._keep(key, ruled)
            if key in kept:
                vector |= kept[key]
            return vector | ruled

        return look

    def _keep(self, key: str, ruled: int) -> None:
        self.calls.add(key, ruled)
        if self.sip is None:
            self.renew()  # the last rule has just run out, its calls have not


def properties_of(flag: DyeFlag) -> tuple[str, ...]:
    """Return the properties that configure a flag."""
    found: tuple[str, ...] = getattr(flag, "properties", (flag.property,) if flag.property else ())
    return found


class DyeInjectionAction:
    """The fixed action of the monitor.

    Shape: the properties are those of the flags: ``ADDR1`` ... ``SIP_ANY_HEADER``.
    """

    name = "DyeInjectionAction"
    kind: ActionKind = "built-in"

    def __init__(self, flags: Mapping[str, DyeFlag], book: RuleBook) -> None:
        self.dyer = Dyer(flags, book)
        self.dyer.complete()
        self._points = {name: point(self.dyer) for name, point in POINTS.items()}

    def __copy__(self) -> DyeInjectionAction:
        """Return an action that takes properties without a message seeing them: to be judged."""
        made = object.__new__(type(self))
        made.dyer = copy.copy(self.dyer)
        made._points = {}
        return made

    def configure(self, properties: Mapping[str, Any]) -> None:
        """Take new properties, all or none of them.

        Errors: InvalidAttributeError, naming the property.
        """
        self.dyer.configure(properties)

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return what is done at a dye point."""
        self.dyer.complete()
        return self._points[joinpoint.shadow.name]

    def run(self, invocation: Invocation) -> None:
        """Do nothing: this is an around action."""

    def enter(self, invocation: Invocation) -> None:
        """Set the context of the message."""
        point = self._points[invocation.shadow.name]
        if point.enter is not None:
            invocation.state = point.enter(*(invocation.arguments if point.arguments else ()))

    def leave(self, invocation: Invocation) -> None:
        """Reset the context."""
        point = self._points[invocation.shadow.name]
        if invocation.error is not None:
            if point.throw is not None:
                point.throw(invocation.state, invocation.error)
        elif point.exit is not None:
            point.exit(invocation.state, invocation.result)
        invocation.state = None


def register(plugins: Plugins) -> None:
    """Contribute the monitor, and the method that says what it could not do."""
    action = DyeInjectionAction(plugins.dye_flags, plugins.rules)
    plugins.monitor(
        MonitorDefinition(
            "DyeInjection",
            "server",
            "standard",
            "around",
            parse_pointcut(POINTCUT),
            "Sets the dyes of each SIP message that enters or leaves and of each HTTP request, and resets them when it "
            "is done.",
            (action.name,),
            action,
            precedence=0,
            sets_dyes=True,
        )
    )
    plugins.method(
        "dye_injection.statistics",
        action.dyer.statistics,
        "Counts tests that could not read a message, calls that keep dyes, and those forgotten for want of room.",
    )
