"""Writes what was imported from the original's descriptor as a part of ``instrumentation.toml``."""

from __future__ import annotations

import re

import tomlkit

from weaver.weblogic import Imported

_HEAD = (
    "Paste this below [target], [weaving] and [weaver] of the file that is in use.",
    "Class patterns and pointcuts name classes of Java: put those of your program.",
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def format_imported(imported: Imported, source: str) -> str:
    """Return the text; what was left out stands on top of it."""
    lines = [f"Imported from {source}{f', {imported.name}' if imported.name else ''}.", *_HEAD]
    if imported.remarks:
        lines += ["Not taken as it stood:", *(f"  {remark}" for remark in imported.remarks)]
    text = "".join(f"# {_one_line(line)}\n" for line in lines)
    for name, settings in imported.monitors.items():
        text += f"\n[monitors.{name if _BARE.fullmatch(name) else _written(name)}]\n"
        text += "".join(f"{key} = {_written(value)}\n" for key, value in settings.items())
    return text


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(item)}" for key, item in value.items()) + " }"
    return tomlkit.item(value).as_string()


def _one_line(text: str) -> str:
    """Return a text that can stand in a comment."""
    return "".join(one if one.isprintable() else " " for one in text)
