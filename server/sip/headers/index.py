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

SINGLE = frozenset({
    "call-id", "content-disposition", "content-type", "cseq", "event", "expires", "flow-timer", "from", "info-package",
    "join", "max-breadth", "max-forwards", "min-expires", "min-se", "rack", "refer-to", "referred-by", "replaces",
    "retry-after", "rseq", "session-expires", "sip-etag", "sip-if-match", "subscription-state", "target-dialog", "to",
})  # fmt: skip
"""Names that may stand on one line only, since two readers could take different ones. Content-Length is one too, but
for a line that is repeated with the same value.
"""

_SEEN: dict[str, str] = {
    name: LONG_NAMES.get(name.lower(), name.lower())
    for name in (
        *LONG_NAMES, *map(str.upper, LONG_NAMES), *LONG_NAMES.values(), *map(str.title, LONG_NAMES.values()),
        "Accept", "Allow", "Authorization", "CSeq", "Call-ID", "Date", "Expires", "Max-Forwards", "Min-SE", "RAck",
        "RSeq", "Reason", "Record-Route", "Require", "Route", "Server", "Timestamp", "User-Agent", "cseq", "expires",
        "max-forwards", "record-route", "route",
    )
}  # fmt: skip
"""A name as written -> long name; what the network adds is bounded by ``_MAX_SEEN`` and ``_MAX_NAME``."""
_BEGINNINGS: dict[str, str] = {f"{name}:": key for name, key in _SEEN.items()}
"""The same with the colon, as a line begins: what is found here needs no look at the colon."""
_MAX_SEEN = 2_000
_MAX_NAME = 40


def long_name(name: str) -> str:
    """Return the long name in lower case.

    Errors: ValueError for what is no token.
    """
    key = _SEEN.get(name)
    if key is None:
        if not is_token(name):
            raise ValueError(f"{name[:_MAX_NAME]!r} is no header name")
        key = name.lower()
        if len(_SEEN) < _MAX_SEEN and len(name) <= _MAX_NAME:
            _SEEN[name] = _BEGINNINGS[f"{name}:"] = key
    return key


def split_line(line: str) -> tuple[str, str]:
    """Return long name and value of a line; blanks may stand before the colon (RFC 3261 7.3.1).

    Errors: ValueError for a line without a colon or with a name that is no token.
    """
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(f"{line[:_MAX_NAME]!r} is no header")
    return long_name(name.rstrip(" \t")), value.strip(" \t")


class Headers:
    """Header lines in order.

    Shape: a line is ``Name: value``, folds already undone. ``first`` has the first value of each long name, ``more``
    all values of the names that stand on several lines; values there may have blanks around them. None of the three is
    to be changed.
    """

    __slots__ = ("first", "lines", "more")

    def __init__(self, lines: list[str], first: dict[str, str], more: dict[str, list[str]]) -> None:
        self.lines = lines
        self.first = first
        self.more = more

    @classmethod
    def parse(cls, lines: list[str]) -> Headers:
        """Index lines.

        Errors: ValueError for a line that is no header.
        """
        first: dict[str, str] = {}
        more: dict[str, list[str]] = {}
        beginnings = _BEGINNINGS
        for line in lines:
            beginning, _, value = line.partition(" ")
            try:
                key = beginnings[beginning]
            except KeyError:
                key, value = split_line(line)
            if key not in first:
                first[key] = value
            elif key in more:
                more[key].append(value)
            else:
                more[key] = [first[key], value]
        return cls(lines, first, more)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """Make headers of (name, value) pairs.

        Errors: ValueError for a name that is no token or a value with CR, LF or NUL.
        """
        return cls.parse([format_line(name, value) for name, value in pairs])

    def get(self, name: str) -> str | None:
        """Return the value of the first line of that name."""
        found = self.first.get(name)
        if found is None:
            found = self.first.get(_SEEN.get(name) or name.lower())
        return None if found is None else found.strip(" \t")

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line of that name, in order."""
        key = name if name in self.first else _fold(name)
        if key in self.more:
            return tuple([value.strip(" \t") for value in self.more[key]])
        return (self.first[key].strip(" \t"),) if key in self.first else ()

    def __contains__(self, name: object) -> bool:
        return name in self.first or (isinstance(name, str) and _fold(name) in self.first)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.lines == other.lines

    def __hash__(self) -> int:
        return hash(tuple(self.lines))

    def __repr__(self) -> str:
        return f"Headers({self.lines!r})"

    def items(self) -> Iterator[tuple[str, str]]:
        """Return name, as written, and value of every line."""
        for line in self.lines:
            name, _, value = line.partition(":")
            yield name.rstrip(" \t"), value.strip(" \t")

    def with_header(self, name: str, value: str) -> Headers:
        """Return headers with one line of that name, where the first one stood, in place of all there are.

        Errors: ValueError for a name that is no token or a value with CR, LF or NUL.
        """
        new, key = format_line(name, value), long_name(name)
        if key not in self.first:
            return Headers.parse([*self.lines, new])
        lines = [line for line in self.lines if split_line(line)[0] != key]
        lines.insert(self._position(key), new)
        return Headers.parse(lines)

    def with_first(self, name: str, value: str) -> Headers:
        """Return headers with another value on the first line of that name; the other lines of it stay.

        Errors: ValueError as ``with_header``; StopIteration never: without such a line one is added.
        """
        new, key = format_line(name, value), long_name(name)
        if key not in self.first:
            return Headers.parse([*self.lines, new])
        lines = list(self.lines)
        lines[self._position(key)] = new
        more = self.more
        if key in more:
            more = {**more, key: [value, *more[key][1:]]}
        return Headers(lines, {**self.first, key: value}, more)

    def with_added(self, name: str, value: str, first: bool = False) -> Headers:
        """Return headers with one line more of that name, behind or before those there are.

        Errors: ValueError as ``with_header``.
        """
        new, key = format_line(name, value), long_name(name)
        at = self._position(key) if first and key in self.first else len(self.lines)
        return Headers.parse([*self.lines[:at], new, *self.lines[at:]])

    def without(self, name: str) -> Headers:
        """Return headers with no line of that name."""
        key = _fold(name)
        if key not in self.first:
            return self
        return Headers.parse([line for line in self.lines if split_line(line)[0] != key])

    def _position(self, key: str) -> int:
        """Return where the first line of a name stands."""
        return next(at for at, line in enumerate(self.lines) if split_line(line)[0] == key)


def format_line(name: str, value: str) -> str:
    """Return ``Name: value``.

    Errors: ValueError for a name that is no token or a value with CR, LF or NUL.
    """
    long_name(name)
    return f"{name}: {check_line(value, name)}"


def _fold(name: str) -> str:
    return _SEEN.get(name) or name.lower()
