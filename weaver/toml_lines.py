"""Where a key of a TOML text stands.

The text is cut into statements: a header, or a key with its value, however many lines that takes. Only their heads are
read (by ``tomllib``), so every spelling of a key counts: dotted, quoted, with blanks. The text must be valid TOML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'"
    r"|\#[^\n]*|[\[{]|[\]}]|=|\n|[^\S\n]+|[^\s\[\]{}=#\"']+",
    re.DOTALL,
)  # fmt: skip
_OPENS, _CLOSES = frozenset("[{"), frozenset("]}")


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the line where a key stands, or the nearest table around it.

    Shape: ``keys`` are those from the root on; the tables of an array are numbered from "0".
    Units: lines count from 1.
    """
    places = _places(text)
    for depth in range(len(keys), 0, -1):
        sought = tuple(keys[:depth])
        lines = [line for line, path in places if path == sought]
        lines += [line for line, path in places if path[:depth] == sought]
        if lines:
            return lines[0]
    return 1


@lru_cache(maxsize=4)
def _places(text: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the line of each header and each key, and its keys from the root on; many keys are sought in one text."""
    return tuple(_found(text))


def _found(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    table: tuple[str, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}
    for line, head in _statements(text):
        if head.endswith("="):
            yield line, table + _keys(tomllib.loads(head + "0"))
            continue
        *outer, last = _keys(tomllib.loads(head))
        table = (*_numbered(outer, arrays), last)
        if head.startswith("[["):
            arrays[table] = arrays.get(table, -1) + 1
            table += (str(arrays[table]),)
        yield line, table


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement: its line, and its text up to the value, without blanks and comments."""
    line, begun, depth, head = 1, 1, 0, ""
    for piece in _TOKEN.findall(text + "\n"):
        if piece == "\n" and not depth:
            if head:
                yield begun, head
            head = ""
        elif not head.endswith("=") and not piece.isspace() and not piece.startswith("#"):
            begun = begun if head else line
            head += piece
        depth += (piece in _OPENS) - (piece in _CLOSES)
        line += piece.count("\n")


def _keys(value: object) -> tuple[str, ...]:
    keys: list[str] = []
    while isinstance(value, dict) and value:
        ((key, value),) = value.items()
        keys.append(key)
    return tuple(keys)


def _numbered(keys: Sequence[str], arrays: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Return the keys with the number of the present table behind each that names an array of tables."""
    path: tuple[str, ...] = ()
    for key in keys:
        path += (key,)
        if path in arrays:
            path += (str(arrays[path]),)
    return path
