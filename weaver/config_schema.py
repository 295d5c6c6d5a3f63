"""The JSON schema of ``instrumentation.toml``, for editors: made from the models, shipped as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from weaver.config import InstrumentationConfig
from weaver.config_faults import CUSTOM_ONLY

SHIPPED = Path(__file__).with_name("instrumentation.schema.json")
_CUSTOM = {"properties": {"kind": {"const": "custom"}}, "required": ["kind"]}
_KEPT_OUT = {"properties": dict.fromkeys(CUSTOM_ONLY, False)}


def schema_text() -> str:
    """Return the schema that ``SHIPPED`` should have."""
    schema = InstrumentationConfig.model_json_schema()
    monitor = schema["$defs"]["MonitorConfig"]
    monitor |= {"if": _CUSTOM, "then": {"required": ["pointcut"]}, "else": _KEPT_OUT}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "instrumentation.toml"}
    return json.dumps({**_without_titles(schema), **head}, indent=2) + "\n"


def _without_titles(value: Any) -> Any:
    """Return a schema without the titles that only say the names of keys again."""
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_titles(item) for key, item in value.items() if not (key == "title" and _is_text(item))}
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str)
