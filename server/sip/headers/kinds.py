"""What is known of a header: its name, how many values it may have, and how one value is read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.sip.grammar import split_outside_quotes

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class One(Generic[T]):
    """A header with one value, on one line.

    Errors: ``parse`` raises ValueError, with the reason.
    """

    name: str
    parse: Callable[[str], T]
    format: Callable[[T], str] = str

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()


@dataclass(frozen=True, eq=False)
class Many(Generic[T]):
    """A header with a list of values, over any number of lines.

    Shape: ``listed`` says whether commas separate values on one line; where they do not, a line is one value.
    Errors: ``parse`` raises ValueError, with the reason.
    """

    name: str
    parse: Callable[[str], T]
    format: Callable[[T], str] = str
    listed: bool = True

    @property
    def key(self) -> str:
        """The name in lower case."""
        return self.name.lower()

    def parse_all(self, lines: tuple[str, ...]) -> tuple[T, ...]:
        """Parse every value of every line; a line that is empty has none.

        Errors: ValueError.
        """
        parse = self.parse
        if not self.listed:
            return tuple([parse(line) for line in lines])
        return tuple([parse(part) for line in lines if line for part in split_outside_quotes(line, ",")])

    def format_all(self, values: tuple[T, ...]) -> tuple[str, ...]:
        """Return the lines of the values: one, but where a line is one value."""
        texts = tuple([self.format(value) for value in values])
        return (", ".join(texts),) if self.listed else texts
