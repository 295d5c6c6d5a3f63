"""The dye flags EXECQ and THREADGROUP: in which work class of the server something is worked on.

The original's execute queues and thread groups are work classes here: ``sip``, ``timer``, ``http``, and one for each
application, by its name. What an item of a call or an HTTP request is worked on in, it says itself; a message that
leaves is worked on in none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weaver.api import Plugins

Test = Callable[[Any], bool]


def in_class(value: str) -> Test:
    """Match what is worked on in the class of that name."""
    wanted = value.strip()
    if not wanted:
        raise ValueError("the name of a work class is missing")

    def test(facts: Any) -> bool:
        item = getattr(facts, "item", None)
        worked_on = getattr(facts, "request", None) if item is None else item
        return getattr(worked_on, "work_class", None) == wanted

    return test


@dataclass(frozen=True, slots=True)
class WorkFlag:
    """A flag whose property names a work class."""

    name: str
    description: str = "what is worked on in the work class (sip, timer, http, an application) that the property names"

    @property
    def property(self) -> str:
        """The property is called as the flag is."""
        return self.name

    def compile(self, value: str) -> Test:
        """Return the test for a property's value.

        Errors: ValueError for one that names nothing.
        """
        return in_class(value)


def register(plugins: Plugins) -> None:
    """Contribute the flags."""
    for name in ("EXECQ", "THREADGROUP"):
        plugins.dye_flag(WorkFlag(name))
