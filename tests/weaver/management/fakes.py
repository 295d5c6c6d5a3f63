"""A registry of two monitors, and events."""

from collections.abc import Collection, Iterator
from typing import Any

from weaver.errors import InvalidAttributeError
from weaver.event import Event


class FakeRegistry:
    def __init__(self) -> None:
        self.monitors: dict[str, dict[str, Any]] = {
            name: {
                "name": name,
                "enabled": False,
                "dye_mask": [],
                "dye_filtering": True,
                "actions": ["TraceAction"],
                "properties": {"show": "caller"},
                "joinpoints": ["server.engine.outbound:send_outbound"],
                "notice": "",
                "counters": {"fired": 3, "errors": 0},
            }
            for name in ("Before_Send", "Before_Service")
        }

    def list(self) -> list[dict[str, Any]]:
        return [dict(status) for status in self.monitors.values()]

    def names(self) -> tuple[str, ...]:
        return tuple(self.monitors)

    def look_ahead(self, names: Collection[str]) -> Iterator[None]:
        return iter(())

    def get(self, name: str) -> dict[str, Any]:
        return dict(self.monitors[name])

    def set(self, name: str, **attributes: Any) -> dict[str, Any]:
        if attributes.get("dye_mask") == ["SIP_RQ"]:
            raise InvalidAttributeError("'SIP_RQ' is no dye flag; did you mean 'SIP_REQ'?")
        if attributes.get("actions") == ["Broken"]:
            raise ZeroDivisionError("a fault")
        self.monitors[name].update(attributes)
        return self.get(name)


def event(number: int = 1, monitor: str = "Before_Send", **values: Any) -> Event:
    filled = {
        "record_id": number,
        "timestamp": 1_700_000_000_000,
        "context_id": "c1",
        "transaction_id": None,
        "user_id": None,
        "type": "TraceAction",
        "domain": "",
        "server": "",
        "scope": "server",
        "module": "server.engine.outbound",
        "monitor": monitor,
        "filename": "outbound.py",
        "line": 7,
        "class_name": None,
        "method": "send_outbound",
        "method_descriptor": "",
        "arguments": None,
        "result": None,
        "payload": {"elapsed_ns": 12},
        "context_payload": None,
        "dyes": 0,
        "thread": "main",
    }
    return Event(**{**filled, **values})
