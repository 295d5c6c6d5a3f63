"""A bounded picture of a value: what it looks like, and a mark by which two pictures can be compared.

Nothing of the program runs: attributes are read from where they are stored, a property is not asked.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
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
    kind = type(value)
    if kind is dict:
        keys = [key for key in islice(value, ITEMS) if type(key) is str]  # type: ignore[call-overload]
    elif kind in _PLAIN or kind.__module__ == "builtins":
        keys = []
    else:
        keys = list(islice(_attributes(value), ITEMS))
    found = [(f"{name}.{key}", one) for key in keys if (one := _stored(value, key)) is not MISSING]
    yield from found or [(name, value)]


def _attributes(value: object) -> Iterator[str]:
    """Yield the names under which an object stores values: of its dictionary, then of its slots."""
    stored = inspect.getattr_static(value, "__dict__", None)
    if isinstance(stored, GetSetDescriptorType):
        yield from (name for name in stored.__get__(value) if type(name) is str)
    for base in type.__dict__["__mro__"].__get__(type(value)):
        for name, found in type.__dict__["__dict__"].__get__(base).items():
            if isinstance(found, MemberDescriptorType):
                yield name


def _stored(value: object, name: str) -> object:
    if type(value) is dict:
        return value.get(name, MISSING)
    try:
        found = inspect.getattr_static(value, name)
        return found.__get__(value) if isinstance(found, MemberDescriptorType) else _unless_computed(found)
    except AttributeError:
        return MISSING


def _unless_computed(found: object) -> object:
    """Return a stored value; a property or method of the class is none."""
    return MISSING if hasattr(type(found), "__get__") else found
