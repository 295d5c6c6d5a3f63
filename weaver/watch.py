"""A watch as it is defined, and what is wrong with a definition."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from weaver.errors import InvalidAttributeError
from weaver.event import Event
from weaver.notices import Severity
from weaver.watch_condition import parse_condition

Alarm = Literal["none", "manual", "automatic"]

ACTIONS = ("log", "notify", "dye", "look_back")
WATCHES = 100
"""How many there may be."""
LONGEST = 86_400.0
"""Seconds of an alarm, and of a dye, at most."""

_NAME = re.compile(r"[\w.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch as it is defined.

    Units: ``reset`` seconds for which an automatic alarm lasts; ``dye`` seconds for which the caller is dyed.
    """

    name: str
    when: str = ""
    actions: tuple[str, ...] = ("notify",)
    severity: Severity = "warning"
    alarm: Alarm = "automatic"
    reset: float = 60.0
    dye: float = 600.0
    enabled: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class Fired:
    """One firing: the watch, the event or None, the value of the counter or None."""

    watch: Watch
    event: Event | None
    value: float | None


Action = Callable[[Fired], object]


def make_watch(name: str, attributes: Mapping[str, Any]) -> Watch:
    """Return a watch with these attributes, which have their types; ``actions`` are a list.

    Errors: InvalidAttributeError.
    """
    values: dict[str, Any] = {**attributes, "actions": tuple(attributes["actions"])}
    watch = Watch(name, **values)
    for key, reason in faults_of(watch):
        raise InvalidAttributeError(f"watch {name}: {key}: {reason}")
    return watch


def dye_of(name: str) -> str:
    """Return the name of the dye that a watch sets, which all its rules share."""
    return "WATCH_" + re.sub(r"[^A-Z0-9]", "_", name.upper())[:26]


def faults_of(watch: Watch) -> Iterator[tuple[str, str]]:
    """Yield the attributes that make no sense, each with the reason."""
    if _NAME.fullmatch(watch.name) is None:
        yield "name", "a name has up to 80 letters, digits, '_', '-' and '.'"
    try:
        parse_condition(watch.when)
    except InvalidAttributeError as error:
        yield "when", str(error)
    if not watch.actions:
        yield "actions", f"a watch does something; there are: {', '.join(ACTIONS)}"
    for action in watch.actions:
        if action not in ACTIONS:
            near = difflib.get_close_matches(action, ACTIONS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(ACTIONS)}"
            yield "actions", f"there is no {action!r}; {hint}"
    for key, value, least in (("reset", watch.reset, 0.0), ("dye", watch.dye, 1.0)):
        if not least <= value <= LONGEST:
            yield key, f"must be {least:g} to {LONGEST:g} seconds, not {value!r}"
