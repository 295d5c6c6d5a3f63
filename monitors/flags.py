"""What all dye flags have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitors.message_facts import Facts, Test

SIP = frozenset({"sip"})
HTTP = frozenset({"http"})
BOTH = SIP | HTTP
NOWHERE: frozenset[str] = frozenset()
USER = frozenset({"user"})


@dataclass(frozen=True, slots=True)
class Flag:
    """A dye flag.

    Shape: ``properties`` configure it, none where it needs none; ``compiler`` takes their values and returns the test.
    ``applies`` says to what the test is put: ``sip`` messages, ``http`` requests, the ``user`` once he is known; a flag
    that is put to nothing is set by others, or never. One that is ``lazy`` is tested only while the mask of an enabled
    monitor names it.
    """

    name: str
    properties: tuple[str, ...]
    compiler: Callable[..., Test]
    description: str
    applies: frozenset[str] = BOTH
    lazy: bool = False

    def compile(self, *values: str) -> Test:
        """Return the test for the properties' values.

        Errors: ValueError, with the reason.
        """
        return self.compiler(*values)

    @property
    def property(self) -> str:
        """The first of the properties, empty for none."""
        return self.properties[0] if self.properties else ""


def never(value: str) -> Test:
    """Match nothing: the flag is set by others."""
    del value
    return _no


def _no(facts: Facts) -> bool:
    del facts
    return False


def text(value: str) -> str:
    """Return a property's value without blanks around it.

    Errors: ValueError when nothing is left.
    """
    found = value.strip()
    if not found:
        raise ValueError("the value is empty")
    return found
