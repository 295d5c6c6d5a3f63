"""Values as text for events: bounded, and hidden unless something says that they may be shown.

No code of the program runs here: no ``__repr__`` but that of plain values.
"""

from __future__ import annotations

HIDDEN = "*****"
LENGTH = 256
ITEMS = 20
DEPTH = 3

_PLAIN = (bool, int, float, type(None))


def show(value: object, *, allowed: bool = False, depth: int = DEPTH) -> str:
    """Return a value as text; text and bytes are hidden unless ``allowed``, objects are shown by their type."""
    kind = type(value)
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
