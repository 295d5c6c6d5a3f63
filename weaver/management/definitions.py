"""What of a custom monitor's definition clients can change, as they write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from weaver.errors import InvalidAttributeError
from weaver.monitor import Location, MonitorDefinition
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut

DEFINING = ("pointcut", "location")


def split(attributes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes that define a monitor, and its settings."""
    defining = {key: value for key, value in attributes.items() if key in DEFINING}
    return defining, {key: value for key, value in attributes.items() if key not in DEFINING}


def redefined(
    definition: MonitorDefinition, defining: Mapping[str, Any], named: Mapping[str, Pointcut]
) -> MonitorDefinition:
    """Return a definition with other values; ``named`` are the pointcuts that may be used by name.

    Errors: InvalidAttributeError, PointcutSyntaxError.
    """
    if definition.kind != "custom":
        key = next(iter(defining))
        raise InvalidAttributeError(f"{definition.name}: only a custom monitor's {key} can be changed")
    read: dict[str, Any] = {key: _READ[key](definition.name, value, named) for key, value in defining.items()}
    return replace(definition, **read)


def _read_pointcut(name: str, text: object, named: Mapping[str, Pointcut]) -> Pointcut:
    if not isinstance(text, str):
        raise InvalidAttributeError(f"{name}: pointcut must be an expression, not {text!r}")
    return parse_pointcut(text, named)


def _read_location(name: str, value: object, _named: Mapping[str, Pointcut]) -> object:
    if value not in get_args(Location):
        raise InvalidAttributeError(f"{name}: location must be {', '.join(get_args(Location))}, not {value!r}")
    return value


_READ = {"pointcut": _read_pointcut, "location": _read_location}
