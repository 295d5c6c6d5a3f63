"""Dye rules: whose messages get a named dye, for how long, how often and why.

The kinds of rules are brought by plugins, and so is what looks at messages: it takes the rules that there are and
``follow``s what is added and removed, so that every change counts from the next message on.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weaver.dye_names import BITS, NAMES, DyeNames
from weaver.errors import InvalidAttributeError, PluginError, UnknownNameError, WeaverError

LIMIT = 10_000
"""How many rules there may be."""

VALUE_LIMIT = 1_024


class RuleKind(Protocol):
    """One kind of rule.

    Shape: ``compile(value)`` returns what whoever looks at messages makes of the value.
    """

    @property
    def name(self) -> str:
        """How it is called."""
        ...

    @property
    def description(self) -> str:
        """Which messages its rules are for, and the form of the value, in one line."""
        ...

    def compile(self, value: str) -> object:
        """Return the value, read.

        Errors: ValueError, with the reason, for a value that makes no sense.
        """
        ...


class RuleSpec(Protocol):
    """A rule as the configuration has it; equal ones are the same."""

    @property
    def kind(self) -> str:
        """Its kind."""
        ...

    @property
    def value(self) -> str:
        """Its value."""
        ...

    @property
    def name(self) -> str:
        """The dye that it sets."""
        ...

    @property
    def ttl(self) -> float | None:
        """Seconds that it lives."""
        ...

    @property
    def hits(self) -> int | None:
        """Messages that end it."""
        ...

    @property
    def reason(self) -> str:
        """Why it is there."""
        ...


@dataclass(slots=True, eq=False)
class Rule:
    """One rule.

    Shape: ``hits`` counts messages that it matched; ``limit`` of them end it; ``compiled`` is what its kind made.
    Units: ``expires`` seconds on the monotonic clock.
    """

    id: int
    kind: str
    value: str
    name: str
    compiled: object
    bit: int
    reason: str = ""
    limit: int | None = None
    expires: float | None = None
    hits: int = 0

    @property
    def holder(self) -> str:
        """Who holds the name, in words."""
        return f"rule {self.id}: {self.kind} {self.value}"


class Follower(Protocol):
    """What wants to know of each rule; ``ended`` says that it has run out and was not taken away."""

    def added(self, rule: Rule) -> None:
        """Take a rule into account."""
        ...

    def removed(self, rule: Rule, *, ended: bool) -> None:
        """Forget a rule."""
        ...

    def kept(self, call: str, vector: int) -> None:
        """Take dyes into account that a call has of another node."""
        ...


@dataclass
class RuleBook:
    """The rules of a process.

    Units: ``now()`` seconds on the monotonic clock.
    """

    now: Callable[[], float] = time.monotonic
    names: DyeNames = NAMES
    kinds: dict[str, RuleKind] = field(default_factory=dict)
    _rules: dict[int, Rule] = field(default_factory=dict)
    _followers: list[Follower] = field(default_factory=list)
    _last: int = 0
    _of_file: dict[RuleSpec, Rule] = field(default_factory=dict)

    def add_kind(self, kind: RuleKind) -> None:
        """Contribute a kind.

        Errors: PluginError when there is one of that name.
        """
        if kind.name in self.kinds:
            raise PluginError(f"dye rule kind {kind.name}: there is one of that name already")
        self.kinds[kind.name] = kind

    def follow(self, follower: Follower) -> None:
        """Tell somebody of every rule from now on."""
        self._followers.append(follower)

    def add(
        self,
        kind: str,
        value: str,
        name: str = "",
        *,
        ttl: float | None = None,
        hits: int | None = None,
        reason: str = "",
    ) -> Rule:
        """Add a rule; without a name it gets a dye of its own.

        Units: ``ttl`` seconds.
        Errors: UnknownNameError for a kind that does not exist; InvalidAttributeError for a value, a name or a bound
        that makes no sense; WeaverError when all named dyes are held or there are too many rules. Then there is none.
        """
        self.expire()
        self.judge(kind, value, name)
        compiled = self._compiled(kind, value)
        if ttl is not None and not 0 < ttl < float("inf"):
            raise InvalidAttributeError(f"a rule lives for a number of seconds above 0, not {ttl}")
        if hits is not None and hits < 1:
            raise InvalidAttributeError(f"a rule ends after at least one hit, not {hits}")
        if len(self._rules) >= LIMIT:
            raise WeaverError(f"there are {LIMIT} dye rules already; remove some")
        number = self._last + 1
        rule = Rule(number, kind, value, name or f"RULE_{number}", compiled, 0, reason[:VALUE_LIMIT], hits)
        self.names.hold(rule.holder, [rule.name])
        rule.bit = 1 << self.names.bit(rule.name)
        rule.expires = None if ttl is None else self.now() + ttl
        self._last = number
        self._rules[number] = rule
        for follower in self._followers:
            follower.added(rule)
        return rule

    def _compiled(self, kind: str, value: str) -> object:
        found = self.kinds.get(kind)
        if found is None:
            near = difflib.get_close_matches(kind, self.kinds, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(self.kinds))}"
            raise UnknownNameError(f"there is no kind of dye rule {kind!r}; {hint}")
        if not 0 < len(value) <= VALUE_LIMIT:
            raise InvalidAttributeError(f"the value of a dye rule has 1 to {VALUE_LIMIT} characters")
        try:
            return found.compile(value)
        except ValueError as error:
            raise InvalidAttributeError(f"{kind} {value!r}: {error}") from error

    def judge(self, kind: str, value: str, name: str) -> None:
        """See whether there could be such a rule; nothing changes.

        Errors: as ``add``.
        """
        self._compiled(kind, value)
        if name in BITS:
            raise InvalidAttributeError(f"{name} is a flag, which no rule sets; choose another name")

    def take_file(self, width: int, rules: Sequence[RuleSpec]) -> None:
        """Have the rules of the configuration and those that were added otherwise; what it has as before stays.

        Errors: as ``add``.
        """
        self.names.widen(width)
        self.expire()
        for spec in [one for one in self._of_file if one not in rules]:
            rule = self._of_file.pop(spec)
            self._end(rule, ended=False)
        for spec in rules:
            if spec not in self._of_file:
                self._of_file[spec] = self.add(
                    spec.kind, spec.value, spec.name, ttl=spec.ttl, hits=spec.hits, reason=spec.reason
                )

    def keep(self, call: str, vector: int) -> None:
        """Have a call keep dyes of another node as it keeps those of rules: until it ends."""
        for follower in self._followers:
            follower.kept(call, vector)

    def clear(self) -> None:
        """Take all rules away."""
        self._of_file.clear()
        for rule in list(self._rules.values()):
            self._end(rule, ended=False)

    def hit(self, rule: Rule) -> bool:
        """Count a message that a rule matches; say whether it still counts."""
        if rule.expires is not None and rule.expires <= self.now():
            self._end(rule, ended=True)
            return False
        rule.hits += 1
        if rule.limit is not None and rule.hits >= rule.limit:
            self._end(rule, ended=True)
        return True

    def expire(self) -> None:
        """End the rules whose time is over."""
        now = self.now()
        for rule in [one for one in self._rules.values() if one.expires is not None and one.expires <= now]:
            self._end(rule, ended=True)

    def remove(self, which: str) -> list[Rule]:
        """Take away the rule with a number, or all of a name; return them.

        Errors: UnknownNameError.
        """
        self.expire()
        found = [rule for rule in self._rules.values() if which in {str(rule.id), rule.name}]
        if not found:
            near = difflib.get_close_matches(which, [one.name for one in self._rules.values()], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UnknownNameError(f"there is no dye rule with the number or name {which!r}{hint}")
        for rule in found:
            self._end(rule, ended=False)
        return found

    def _end(self, rule: Rule, *, ended: bool) -> None:
        if self._rules.pop(rule.id, None) is None:
            return
        self.names.hold(rule.holder, ())
        for follower in self._followers:
            follower.removed(rule, ended=ended)

    def list(self) -> list[dict[str, Any]]:
        """Return every rule, the oldest first.

        Units: ``ttl`` seconds that are left.
        """
        self.expire()
        now = self.now()
        return [
            {
                "id": rule.id,
                "kind": rule.kind,
                "value": rule.value,
                "name": rule.name,
                "ttl": None if rule.expires is None else round(rule.expires - now, 1),
                "hits": rule.hits,
                "limit": rule.limit,
                "reason": rule.reason,
            }
            for rule in self._rules.values()
        ]
