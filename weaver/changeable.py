"""What of a monitor can be set while the program runs, and how each value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from weaver.errors import InvalidAttributeError
from weaver.limits import parse_limits


class _Kind(NamedTuple):
    """What a value has to be: in words, and a function that returns it as it is kept, None for any other."""

    words: str
    read: Callable[[Any], Any]


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _table(value: Any) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) else None


def _names(value: Any) -> tuple[str, ...] | None:
    is_list = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return tuple(value) if is_list else None


def _mask(value: Any) -> tuple[str, ...] | None:
    return (value,) if isinstance(value, str) else _names(value)


_KINDS = {
    "enabled": _Kind("true or false", _flag),
    "dye_mask": _Kind("a list of flag names and expressions", _mask),
    "dye_filtering": _Kind("true or false", _flag),
    "actions": _Kind("a list of action names", _names),
    "properties": _Kind("a table", _table),
    "includes": _Kind("a list of class patterns", _names),
    "excludes": _Kind("a list of class patterns", _names),
    "limits": _Kind("a table", _table),
    "description": _Kind("text", _text),
}

CHANGEABLE = tuple(_KINDS)
"""The attributes."""


def read_value(name: str, key: str, value: Any) -> Any:
    """Return a value for a changeable attribute of a monitor, as it is kept.

    Errors: InvalidAttributeError.
    """
    if key == "limits":
        parse_limits(name, value)
    found = _KINDS[key].read(value)
    if found is None:
        raise InvalidAttributeError(f"{name}: {key} must be {_KINDS[key].words}, not {value!r}")
    return found
