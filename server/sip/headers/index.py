"""The lines of a message's head, in order, and an index of them by name.

A line that nobody touches goes out as it came. Names are compared in lower case, compact forms are the same as the long
ones (RFC 3261 7.3.3). A ``Headers`` never changes; ``with_header`` and its like share the untouched lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from server.sip.grammar import check_line, is_token

LONG_NAMES = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding",
    "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact",
    "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via",
    "x": "session-expires", "y": "identity",
}  # fmt: skip
"""Compact form -> long name, from the registry of RFC 3261 and its extensions."""


def canonical(name: str) -> str:
    """Return the long name in lower case."""
    name = name.lower()
    return LONG_NAMES.get(name, name) if len(name) == 1 else name


class Headers:
    """Header lines in order.

    Shape: a line is ``Name: value``, folds already undone.
    """

    __slots__ = ("_index", "_lines")

    def __init__(self, lines: list[str], index: dict[str, list[str]]) -> None:
        self._lines = lines
        self._index = index

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """Make headers of (name, value) pairs that are known to be clean."""
        lines: list[str] = []
        index: dict[str, list[str]] = {}
        for name, value in pairs:
            lines.append(f"{name}: {value}")
            index.setdefault(canonical(name), []).append(value)
        return cls(lines, index)

    def get(self, name: str) -> str | None:
        """Return the value of the first line of that name."""
        found = self._index.get(name) or self._index.get(canonical(name))
        return found[0] if found else None

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line of that name, in order."""
        return tuple(self._index.get(name) or self._index.get(canonical(name)) or ())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and canonical(name) in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lines == other._lines

    def __hash__(self) -> int:
        return hash(tuple(self._lines))

    def __repr__(self) -> str:
        return f"Headers({self._lines!r})"

    @property
    def lines(self) -> list[str]:
        """The lines; not to be changed."""
        return self._lines

    def items(self) -> Iterator[tuple[str, str]]:
        """Return name, as written, and value of every line."""
        for line in self._lines:
            name, _, value = line.partition(":")
            yield name.strip(), value.strip()

    def with_header(self, name: str, value: str) -> Headers:
        """Return headers with one line of that name in place of all there are.

        Errors: ValueError for a name that is no token or a value with CR, LF or NUL.
        """
        line, key = _line(name, value), canonical(name)
        lines: list[str] = []
        placed = False
        for old in self._lines:
            if canonical(old.partition(":")[0].rstrip()) == key:
                if not placed:
                    lines.append(line)
                    placed = True
            else:
                lines.append(old)
        if not placed:
            lines.append(line)
        return Headers(lines, {**self._index, key: [value]})

    def with_added(self, name: str, value: str, first: bool = False) -> Headers:
        """Return headers with one line more of that name, behind or before those there are.

        Errors: ValueError as ``with_header``.
        """
        line, key = _line(name, value), canonical(name)
        values = self._index.get(key, [])
        at = len(self._lines)
        if first and values:
            at = next(i for i, old in enumerate(self._lines) if canonical(old.partition(":")[0].rstrip()) == key)
        lines = [*self._lines[:at], line, *self._lines[at:]]
        return Headers(lines, {**self._index, key: [value, *values] if first else [*values, value]})

    def without(self, name: str) -> Headers:
        """Return headers with no line of that name."""
        key = canonical(name)
        if key not in self._index:
            return self
        lines = [line for line in self._lines if canonical(line.partition(":")[0].rstrip()) != key]
        return Headers(lines, {k: v for k, v in self._index.items() if k != key})


def _line(name: str, value: str) -> str:
    if not is_token(name):
        raise ValueError(f"{name!r} is no header name")
    return f"{name}: {check_line(value, name)}"
