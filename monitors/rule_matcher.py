"""The rules that there are, as they are put to a message: a table for each attribute, and patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from monitors.call_dyes import CallDyes
from monitors.dye_rules import Attribute, Exact, Pattern, Raw
from monitors.message_facts import Facts
from weaver.api import Rule, RuleBook

PLACES = ("sip", "http", "user")

KNOWN = 4_096
"""Values, as they stand in messages, whose rules are remembered for each attribute."""

KNOWN_LENGTH = 1_024

Rules = tuple[Rule, ...]


class _Table(dict[str | None, Rules]):
    """The rules of one attribute by what stands in a message; what was not met yet is folded first."""

    def __init__(self, attribute: Attribute) -> None:
        super().__init__()
        self._fold = attribute.fold
        self.rules: dict[str, Rules] = {}
        self.forget()

    def forget(self) -> None:
        """Forget what was met: other rules are there now."""
        self.clear()
        self[None] = ()

    def __missing__(self, value: str | None) -> Rules:
        assert value is not None
        found = self.rules.get(self._fold(value), ())
        if len(value) <= KNOWN_LENGTH:
            if len(self) >= KNOWN:
                self.forget()
            self[value] = found
        return found


class Place:
    """The rules that are put to one kind of message.

    Shape: ``order`` has the tables of exact rules, each with what takes its value from a message; it is replaced, and
    never changed, so that rules may come and go while somebody goes through it.
    """

    __slots__ = ("name", "order", "patterns", "tables")

    def __init__(self, name: str) -> None:
        self.name = name
        self.tables: dict[Attribute, _Table] = {}
        self.order: tuple[tuple[Raw, _Table], ...] = ()
        self.patterns: Rules = ()

    def add(self, rule: Rule) -> None:
        """Put a rule to what stands here."""
        self._put(rule, lambda rules: (*rules, rule))

    def remove(self, rule: Rule) -> None:
        """Put a rule to it no longer."""
        self._put(rule, lambda rules: tuple(one for one in rules if one is not rule))

    def _put(self, rule: Rule, change: Callable[[Rules], Rules]) -> None:
        compiled = rule.compiled
        if not isinstance(compiled, Exact):
            self.patterns = change(self.patterns)
            return
        table = self.tables.setdefault(compiled.attribute, _Table(compiled.attribute))
        table.forget()
        table.rules[compiled.key] = change(table.rules.get(compiled.key, ()))
        if not table.rules[compiled.key]:
            del table.rules[compiled.key]
        if not table.rules:
            del self.tables[compiled.attribute]
        if len(self.order) != len(self.tables):
            self.order = tuple((attribute.raw[self.name], found) for attribute, found in self.tables.items())


class RuleMatcher:
    """Finds the dyes that rules give to a message.

    Shape: ``changed`` is called when there may be rules where there were none, or none any more.
    """

    def __init__(self, book: RuleBook, calls: CallDyes, changed: Callable[[], None]) -> None:
        self._book = book
        self._calls = calls
        self._changed = changed
        self._places = {place: Place(place) for place in PLACES}
        self._sharing: Counter[int] = Counter()
        self.unreadable = 0
        book.names.on_reuse.append(lambda bit: calls.wash(1 << bit))
        book.follow(self)

    def has_rules(self, place: str) -> bool:
        """Say whether there is a rule that is put to what stands at a place."""
        found = self._places[place]
        return bool(found.order or found.patterns)

    def added(self, rule: Rule) -> None:
        """Take a rule into account."""
        for place in self._places_of(rule):
            place.add(rule)
        self._sharing[rule.bit] += 1
        self._changed()

    def removed(self, rule: Rule, *, ended: bool) -> None:
        """Forget a rule; calls keep its dye to their end when it has run out, and lose it when it was taken away."""
        for place in self._places_of(rule):
            place.remove(rule)
        self._sharing[rule.bit] -= 1
        if not self._sharing[rule.bit] and not ended:
            self._calls.wash(rule.bit)
        self._changed()

    def kept(self, call: str, vector: int) -> None:
        """Have a call keep dyes of another node."""
        is_first = not self._calls
        self._calls.add(call, vector)
        if is_first:
            self._changed()

    def _places_of(self, rule: Rule) -> list[Place]:
        applies = getattr(self._book.kinds[rule.kind], "applies", PLACES)
        return [found for place, found in self._places.items() if place in applies]

    def has_patterns(self, place: str) -> bool:
        """Say whether there is a rule that needs the facts of a message."""
        return bool(self._places[place].patterns)

    def place(self, name: str) -> Place:
        """Return the rules that are put to what stands at a place."""
        return self._places[name]

    def matching(self, place: str, facts: Facts) -> int:
        """Return the dyes that patterns give."""
        return self.hit([rule for rule in self._places[place].patterns if self._matches(rule, facts)])

    def _matches(self, rule: Rule, facts: Facts) -> bool:
        assert isinstance(rule.compiled, Pattern)
        try:
            return rule.compiled.test(facts)
        except Exception:  # noqa: BLE001 - a peer may send anything
            self.unreadable += 1
            return False

    def hit(self, rules: Iterable[Rule]) -> int:
        """Count a message that rules match; return their dyes."""
        vector = 0
        for rule in rules:
            if self._book.hit(rule):
                vector |= rule.bit
        return vector
