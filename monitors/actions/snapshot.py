"""A bounded picture of a value: what it looks like, and a mark by which two pictures can be compared.

Nothing of the program runs: attributes are read from where they are stored, a property is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import NamedTuple

from weaver.api import show

ITEMS = 20
"""Attributes, keys or items of one value that are looked at."""

ENTRIES = 100
"""Entries of one snapshot."""

DEPTH = 3
MISSING = object()

_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None)})


class Entry(NamedTuple):
    """One value: ``mark`` is equal as long as nothing has changed, as far as it is looked at."""

    mark: object
    text: str


Snapshot = Mapping[str, Entry]


def take(values: Iterable[tuple[str, object]], shown: frozenset[str]) -> Snapshot:
    """Return a snapshot of named values: of each what lies directly in it, or else itself."""
    entries: dict[str, Entry] = {}
    for name, value in values:
        for path, one in _below(name, value):
            if len(entries) >= ENTRIES:
                return entries
            last = path.rpartition(".")[2]
            allowed = bool({path, name, last} & shown)
            entries[path] = Entry(mark_of(one), show(one, allowed=allowed, name=last))
    return entries


def compare(before: Snapshot, after: Snapshot) -> dict[str, dict[str, str]]:
    """Return what has changed: path -> its text ``before`` and ``after``, each left out where it was missing."""
    changed: dict[str, dict[str, str]] = {}
    for path in dict.fromkeys((*before, *after)):
        old, new = before.get(path), after.get(path)
        if old is None or new is None or old.mark != new.mark:
            found = {"before": old, "after": new}
            changed[path] = {when: entry.text for when, entry in found.items() if entry is not None}
    return changed


def follow(value: object, names: Iterable[str]) -> object:
    """Return what a path of attributes and keys leads to, ``MISSING`` where it leads nowhere."""
    for name in names:
        value = _stored(value, name)
        if value is MISSING:
            return MISSING
    return value


def mark_of(value: object, depth: int = DEPTH) -> object:
    """Return the mark of a value; of objects it is which one it is."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if kind in {list, tuple} and depth:
        return kind, len(value), tuple(mark_of(one, depth - 1) for one in islice(value, ITEMS))  # type: ignore[arg-type,call-overload]
    if kind is dict and depth:
        items = islice(value.items(), ITEMS)  # type: ignore[attr-defined]
        return kind, len(value), tuple((mark_of(k, 0), mark_of(one, depth - 1)) for k, one in items)  # type: ignore[arg-type]
    if kind in {set, frozenset} and depth:
        return kind, len(value), frozenset(mark_of(one, 0) for one in islice(value, ITEMS))  # type: ignore[arg-type,call-overload]
    return kind, id(value)


def _below(name: str, value: object) -> Iterator[tuple[str, object]]:
    keys = islice((key for key in _stored_in(value) if type(key) is str), ITEMS)
    found = [(f"{name}.{key}", one) for key in keys if (one := _stored(value, key)) is not MISSING]
    yield from found or [(name, value)]


class _Layout(NamedTuple):
    """Where the objects of a class store values: what gives their dictionary, and what gives each slot."""

    table: GetSetDescriptorType | None
    slots: Mapping[str, MemberDescriptorType]


def _layout(value: object) -> _Layout:
    return _layout_of(type(value))  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _layout_of(kind: type) -> _Layout:
    tables, slots = [], {}
    for base in reversed(type.__dict__["__mro__"].__get__(kind)):
        own = type.__dict__["__dict__"].__get__(base)
        tables += [found for found in [own.get("__dict__")] if isinstance(found, GetSetDescriptorType)]
        slots.update({name: found for name, found in own.items() if isinstance(found, MemberDescriptorType)})
    return _Layout(tables[0] if tables else None, slots)


def _table_of(value: object) -> Mapping[str, object]:
    """Return a dictionary itself, or that of an object."""
    if type(value) is dict:
        return value
    table = _layout(value).table
    return table.__get__(value) if table is not None else {}


def _stored_in(value: object) -> Iterator[object]:
    """Yield the names under which values are stored; of a class, function or module that would be its code."""
    if type(value) is dict or type(value).__module__ != "builtins":
        yield from list(islice(_table_of(value), ITEMS))
        yield from () if type(value) is dict else _layout(value).slots


def _stored(value: object, name: str) -> object:
    """Return what is stored under a name; a property or a method is not."""
    found = _table_of(value).get(name, MISSING)
    if found is MISSING and type(value) is not dict:
        slot = _layout(value).slots.get(name)
        if slot is not None:
            try:
                found = slot.__get__(value)
            except AttributeError:
                return MISSING
    return found
