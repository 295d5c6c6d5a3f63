"""The methods of the admin socket that the weaver itself has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weaver.errors import InvalidAttributeError
from weaver.event import EventBuffer
from weaver.plugins import RegisteredMethod
from weaver.registry import Registry

SUBSCRIBE = "event.subscribe"
"""Answered by the socket itself, because it belongs to a connection."""


def standard_methods(registry: Registry, buffer: EventBuffer) -> dict[str, RegisteredMethod]:
    """Return the methods: name -> function and description."""

    def monitor_list(parameters: Mapping[str, Any]) -> object:
        _only(parameters)
        return registry.list()

    def monitor_get(parameters: Mapping[str, Any]) -> object:
        _only(parameters, "name")
        return registry.get(_name(parameters))

    def monitor_set(parameters: Mapping[str, Any]) -> object:
        _only(parameters, "name", "attributes")
        attributes = parameters.get("attributes")
        if not isinstance(attributes, dict) or not attributes:
            raise InvalidAttributeError('give "attributes", such as {"enabled": true}')
        return registry.set(_name(parameters), **attributes)

    def event_recent(parameters: Mapping[str, Any]) -> object:
        _only(parameters)
        return {"emitted": buffer.emitted, "kept": len(buffer.recent())}

    return {
        "monitor.list": RegisteredMethod(monitor_list, "status of every monitor"),
        "monitor.get": RegisteredMethod(monitor_get, "status of one monitor"),
        "monitor.set": RegisteredMethod(monitor_set, "change a monitor; takes effect on the next message"),
        "event.statistics": RegisteredMethod(event_recent, "how many events were emitted and are kept"),
    }


def _only(parameters: Mapping[str, Any], *known: str) -> None:
    for key in parameters:
        if key not in known:
            raise InvalidAttributeError(f"{key!r} is no parameter; known: {', '.join(known) or 'none'}")


def _name(parameters: Mapping[str, Any]) -> str:
    name = parameters.get("name")
    if not isinstance(name, str):
        raise InvalidAttributeError('give "name", the name of a monitor')
    return name
