"""The rules that there are, as they are put to a message: a table for each attribute, and patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from monitors.call_dyes import CallDyes
from monitors.dye_rules import Exact, Pattern, Read
from monitors.message_facts import Facts
from weaver.api import Rule, RuleBook

Table = dict[str, list[Rule]]
PLACES = ("sip", "http", "user")


class _Place:
    """The rules that are put to one kind of message; ``order`` is what is gone through, and never changed."""

    __slots__ = ("order", "patterns", "tables")

    def __init__(self) -> None:
        self.tables: dict[Read, Table] = {}
        self.order: tuple[tuple[Read, Table], ...] = ()
        self.patterns: tuple[Rule, ...] = ()

    def add(self, rule: Rule) -> None:
        compiled = rule.compiled
        if isinstance(compiled, Exact):
            self.tables.setdefault(compiled.read, {}).setdefault(compiled.key, []).append(rule)
            self.order = tuple(self.tables.items()) if len(self.order) != len(self.tables) else self.order
        else:
            self.patterns = (*self.patterns, rule)

    def remove(self, rule: Rule) -> None:
        compiled = rule.compiled
        if not isinstance(compiled, Exact):
            self.patterns = tuple(one for one in self.patterns if one is not rule)
            return
        table = self.tables[compiled.read]
        left = [one for one in table[compiled.key] if one is not rule]
        if left:
            table[compiled.key] = left
            return
        del table[compiled.key]
        if not table:
            del self.tables[compiled.read]
            self.order = tuple(self.tables.items())


class RuleMatcher:
    """Finds the dyes that rules give to a message.

    Shape: ``changed`` is called when there may be rules where there were none, or none any more.
    """

    def __init__(self, book: RuleBook, calls: CallDyes, changed: Callable[[], None]) -> None:
        self._book = book
        self._calls = calls
        self._changed = changed
        self._places = {place: _Place() for place in PLACES}
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

    def _places_of(self, rule: Rule) -> list[_Place]:
        applies = getattr(self._book.kinds[rule.kind], "applies", PLACES)
        return [found for place, found in self._places.items() if place in applies]

    def vector_of(self, place: str, facts: Facts) -> int:
        """Return the dyes that rules give; what cannot be read is nobody's."""
        vector, rules = 0, self._places[place]
        for read, table in rules.order:
            try:
                found = table.get(read(facts))
            except Exception:  # noqa: BLE001 - a peer may send anything
                self.unreadable += 1
                continue
            if found is not None:
                vector |= self._hit(found)
        if rules.patterns:
            vector |= self._hit([rule for rule in rules.patterns if self._matches(rule, facts)])
        return vector

    def _matches(self, rule: Rule, facts: Facts) -> bool:
        assert isinstance(rule.compiled, Pattern)
        try:
            return rule.compiled.test(facts)
        except Exception:  # noqa: BLE001 - a peer may send anything
            self.unreadable += 1
            return False

    def _hit(self, rules: Iterable[Rule]) -> int:
        vector = 0
        for rule in tuple(rules):
            if self._book.hit(rule):
                vector |= rule.bit
        return vector
