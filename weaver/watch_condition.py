"""The conditions of watches: over single events, or over a counter of a monitor.

::

    condition  = counter | comparison { "and" comparison } | query
    counter    = "rate(" MONITOR [ "." COUNTER ] ")" OPERATOR NUMBER "/s"     how fast it grows
               | "count(" MONITOR [ "." COUNTER ] ")" OPERATOR NUMBER         what it is
    comparison = WORD OPERATOR ( NUMBER [ "ns" | "us" | "ms" | "s" ] | TEXT )
    OPERATOR   = "<" | ">" | "<=" | ">=" | "=" | "!="

A WORD is one of ``WORDS``; TEXT stands in quotes or is one word. A value that an event lacks makes a comparison false.
Without a name the counter is ``fired``. A query is one of the language in which events are looked for (``query``).
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weaver.errors import InvalidAttributeError, QuerySyntaxError
from weaver.event import Event
from weaver.query.live import compile_query

COUNTERS = ("reached", "dyed", "fired", "emitted", "cut", "dropped", "errors", "ns")
LENGTH = 1_000
"""Characters of a condition."""

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_SIGN = r"\s*(<=|>=|!=|<|>|=)\s*"
_COUNTER = re.compile(
    rf"(rate|count)\(\s*([\w.-]+?)(?:\.({'|'.join(COUNTERS)}))?\s*\){_SIGN}(\d+(?:\.\d+)?)(/s)?", re.ASCII
)
_VALUE = r"""(?:(\d+(?:\.\d+)?)(ns|us|ms|s)?\b|"([^"]*)"|'([^']*)'|([A-Za-z_][\w.@:+-]*))"""
_COMPARISON = re.compile(rf"\s*([\w.]+){_SIGN}{_VALUE}\s*(and\b|\Z)", re.ASCII)


def _payload(name: str) -> Callable[[Event], Any]:
    return lambda event: (event.payload or {}).get(name)


def _context(name: str) -> Callable[[Event], Any]:
    return lambda event: (event.context_payload or {}).get(name)


WORDS: Mapping[str, Callable[[Event], Any]] = {
    "status": _context("status"),
    "method": _context("method"),
    "call_id": _context("call_id"),
    "call_key": _context("call_key"),
    "elapsed": _payload("elapsed_ns"),
    "error": _payload("error"),
    "phase": _payload("phase"),
    "monitor": operator.attrgetter("monitor"),
    "type": operator.attrgetter("type"),
    "class_name": operator.attrgetter("class_name"),
    "function": operator.attrgetter("method"),
    "context_id": operator.attrgetter("context_id"),
}
"""What a condition may ask of an event."""
NUMBERS = frozenset({"status", "elapsed"})
"""Those of them that are numbers, the others are texts."""


@dataclass(frozen=True, slots=True)
class EventCondition:
    """A condition over one event."""

    test: Callable[[Event], bool]


@dataclass(frozen=True, slots=True)
class CounterCondition:
    """A condition over a counter of a monitor, or over its growth in a second."""

    monitor: str
    counter: str
    is_rate: bool
    compare: Callable[[Any, Any], bool]
    limit: float

    def holds(self, value: float) -> bool:
        """Say whether a count, or a rate, is what the condition asks for."""
        return self.compare(value, self.limit)


Condition = EventCondition | CounterCondition


def parse_condition(text: str) -> Condition:
    """Return the condition that a text says.

    Errors: InvalidAttributeError, with what was expected.
    """
    text = text.strip()
    if len(text) > LENGTH:
        raise InvalidAttributeError(f"a condition has at most {LENGTH} characters, not {len(text)}")
    found = _COUNTER.fullmatch(text)
    if found is None:
        return EventCondition(_over_events(text))
    kind, monitor, counter, sign, number, per_second = found.groups()
    if (kind == "rate") != bool(per_second):
        wanted = "10/s" if kind == "rate" else "10"
        raise InvalidAttributeError(f"{text!r}: a {kind} is compared with a number such as {wanted}")
    return CounterCondition(monitor, counter or "fired", kind == "rate", _OPERATORS[sign], float(number))


def missing_monitor(condition: Condition, exists: Callable[[str], bool]) -> str:
    """Return which monitor or counter a condition asks for that does not exist, in words; empty when all is there."""
    if not isinstance(condition, CounterCondition) or exists(condition.monitor):
        return ""
    monitor, dot, counter = condition.monitor.rpartition(".")
    if dot and exists(monitor):
        return f"{monitor} has no counter {counter!r}; there are: {', '.join(COUNTERS)}"
    return f"there is no monitor {condition.monitor!r} whose counter could be asked"


def _over_events(text: str) -> Callable[[Event], bool]:
    try:
        return _all(text)
    except InvalidAttributeError:
        try:
            return compile_query(text)
        except QuerySyntaxError:
            pass  # whoever writes a condition is told of what is simple
        raise


def _all(text: str) -> Callable[[Event], bool]:
    tests: list[Callable[[Event], bool]] = []
    at = 0
    while True:
        found = _COMPARISON.match(text, at)
        if found is None:
            raise InvalidAttributeError(
                f"{text!r}: expected a comparison such as status >= 500, elapsed > 200ms or rate(MONITOR) > 10/s "
                f"at {text[at:][:30]!r}"
            )
        tests.append(_comparison(*found.groups()[:7]))
        at = found.end()
        if not found[8]:
            return lambda event: all(test(event) for test in tests)


def _comparison(
    word: str, sign: str, number: str | None, unit: str | None, *texts: str | None
) -> Callable[[Event], bool]:
    read = WORDS.get(word)
    if read is None:
        near = difflib.get_close_matches(word, WORDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(WORDS)}"
        raise InvalidAttributeError(f"there is nothing called {word!r} in an event; {hint}")
    wanted: Any = next((text for text in texts if text is not None), f"{number or ''}{unit or ''}")
    kinds: tuple[type, ...] = (str,)
    if word in NUMBERS:
        if number is None:
            raise InvalidAttributeError(f"{word} is compared with a number, not with {wanted!r}")
        wanted, kinds = float(number) * _UNITS[unit or "ns"], (int, float)
    compare = _OPERATORS[sign]

    def holds(event: Event) -> bool:
        value = read(event)
        return isinstance(value, kinds) and compare(value, wanted)

    return holds
