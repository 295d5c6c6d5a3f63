"""Values as text for events: bounded, and hidden unless something says that they may be shown.

No code of the program runs here: no ``__repr__`` but that of plain values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

HIDDEN = "*****"
"""What stands in the place of a value that may not be seen."""
LENGTH = 256
ITEMS = 20
DEPTH = 3
BITS = 256
"""Bits of the largest integer that is printed; Python refuses to print very large ones."""

_hidden: frozenset[str] = frozenset()

_PLAIN = (bool, int, float, type(None))


def hide(names: Iterable[str]) -> None:
    """Hide the values of these names from now on, and only these; case does not count."""
    global _hidden
    _hidden = frozenset(name.casefold() for name in names)


def show(value: object, *, allowed: bool = False, depth: int = DEPTH, name: str = "") -> str:
    """Return a value as text; text and bytes are hidden unless ``allowed``, objects are shown by their type.

    Shape: ``name`` is that of the parameter, if there is one: some are hidden whatever is allowed.
    """
    if name.casefold() in _hidden:
        return HIDDEN
    kind = type(value)
    if kind is int and value.bit_length() > BITS:  # type: ignore[attr-defined]
        return f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]
    if kind in _PLAIN:
        return repr(value)
    if kind in {str, bytes}:
        return _cut(repr(value[:LENGTH])) if allowed else HIDDEN  # type: ignore[index]
    if kind in {list, tuple, set, frozenset} and depth > 0:
        shown = [show(item, allowed=allowed, depth=depth - 1) for item, _ in zip(value, range(ITEMS), strict=False)]  # type: ignore[call-overload]
        return _cut(f"{kind.__name__}[{', '.join(shown)}]")
    return f"<{kind.__module__}.{kind.__qualname__}>"


def _cut(text: str) -> str:
    return text if len(text) <= LENGTH else text[: LENGTH - 3] + "..."


def plain(value: object, depth: int = DEPTH) -> object:
    """Return a value that every sink can write: numbers, bounded text without lone surrogates, lists, dicts by text."""
    kind = type(value)
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else show(value)  # type: ignore[operator]
    if kind in _PLAIN:
        return value
    if isinstance(value, str):
        return _cut(value[: LENGTH + 1].encode("utf-8", "backslashreplace").decode())
    if isinstance(value, Mapping) and depth > 0:
        items = [(str(key), item) for key, item in islice(value.items(), ITEMS)]
        return {str(plain(key)): HIDDEN if key.casefold() in _hidden else plain(item, depth - 1) for key, item in items}
    if kind in {list, tuple, set, frozenset} and depth > 0:
        return [plain(item, depth - 1) for item in islice(value, ITEMS)]  # type: ignore[call-overload]
    return show(value)
