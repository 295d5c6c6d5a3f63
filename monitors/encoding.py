"""Template_*_Render, Json_*_Encode and Json_*_Decode: a program makes text of values, and values of text."""

from __future__ import annotations

from monitors.family import Family, calls, register_all
from weaver.api import Plugins

FAMILIES = (
    Family(
        "Template_*_Render",
        "application",
        "a template is rendered",
        calls("*Template+.{render,substitute,safe_substitute}"),
    ),
    Family(
        "Json_*_Encode",
        "application",
        "a value is encoded as JSON",
        calls("{json,orjson}..{dumps,dump}"),
    ),
    Family(
        "Json_*_Decode",
        "application",
        "a value is decoded from JSON",
        calls("{json,orjson}..{loads,load}"),
    ),
)


def register(plugins: Plugins) -> None:
    """Contribute the monitors."""
    register_all(plugins, FAMILIES)
