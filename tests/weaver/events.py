"""Events for tests."""

from typing import Any

from weaver.event import Event


def make_event(number: int, **more: Any) -> Event:
    values: dict[str, Any] = {
        "record_id": number, "timestamp": 1, "context_id": None, "transaction_id": None, "user_id": None,
        "type": "TraceAction", "domain": "", "server": "", "scope": "application", "module": "m", "monitor": "M",
        "filename": "m.py", "line": 1, "class_name": None, "method": "f", "method_descriptor": "()", "arguments": None,
        "result": None, "payload": {}, "context_payload": None, "dyes": 0, "thread": "",
    }  # fmt: skip
    return Event(**{**values, **more})
