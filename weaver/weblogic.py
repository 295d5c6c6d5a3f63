"""The original product's descriptor, ``weblogic-diagnostics.xml``, as tables of ``instrumentation.toml``.

What has no meaning here is left out and told with its line and reason. Class patterns and pointcuts are taken as they
stand: they name classes of Java, and whoever imports them puts the names of his own.

Source: the schema ``http://www.bea.com/ns/weblogic/90/diagnostics``, element ``wldf-resource``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.parser import parse_pointcut
from weaver.safe_xml import Element, read_xml
from weaver.weblogic_names import (
    ACTIONS,
    OTHER_PARTS,
    PROPERTIES,
    RENAMED,
    STANDARD,
    is_of_library,
    is_server_scope,
    plain_name,
    reason_without,
)

ROOT = "wldf-resource"
MONITOR = "wldf-instrumentation-monitor"
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")
_TRUE = {"true": True, "1": True, "false": False, "0": False}
_LOCATIONS = ("before", "after", "around")
_KNOWN = frozenset({
    "name", "description", "enabled", "action", "dye-mask", "dye-filtering-enabled", "properties", "location-type",
    "pointcut", "include", "exclude",
})  # fmt: skip


@dataclass(slots=True)
class Imported:
    """What a descriptor says: its name, monitors by name with their settings, and what was left out."""

    name: str = ""
    monitors: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def remark(self, element: Element, what: str, reason: str) -> None:
        """Note what is not taken as it stands."""
        self.remarks.append(f"line {element.line}: {what}: {reason}")


def read_descriptor(data: bytes) -> Imported:
    """Read a descriptor.

    Errors: ValueError, with line and reason, for what is no descriptor.
    """
    root = read_xml(data)
    if root.name != ROOT:
        raise ValueError(f"line {root.line}: the root is {root.name}, not {ROOT}")
    result = Imported(root.text_of("name"))
    for part in root.children:
        if part.name == "instrumentation":
            _read_instrumentation(part, result)
        elif part.name not in {"name", "description"}:
            result.remark(part, part.name, OTHER_PARTS.get(part.name, "is not known"))
    return result


def _read_instrumentation(instrumentation: Element, result: Imported) -> None:
    is_on = _flag(instrumentation, "enabled", result, default=True)
    if not is_on:
        result.remark(instrumentation, "instrumentation", "is not enabled, so all its monitors are off")
    for element in instrumentation.children:
        if element.name == MONITOR:
            _read_monitor(element, instrumentation, result, is_on=is_on)
        elif element.name not in {"enabled", "include", "exclude"}:
            result.remark(element, element.name, "is not known")


def _read_monitor(element: Element, around: Element, result: Imported, *, is_on: bool) -> None:
    written = element.text_of("name")
    name = _NOT_IN_A_NAME.sub("_", plain_name(written))[:80]
    settings: dict[str, Any] = {"enabled": is_on and _flag(element, "enabled", result, default=True)}
    reason = _refusal(name, element, result.monitors)
    if reason:
        result.remark(element, written or "a monitor", reason)
        return
    if not is_of_library(name):
        reason = _read_custom(element, settings, name, result)
        if reason:
            result.remark(element, name, reason)
            return
    if written in RENAMED:
        result.remark(element, written, f"is called {name} here")
    elif plain_name(written) != name:
        result.remark(element, written, f"is called {name}: a name has letters, digits, '_', '-' and '.'")
    _read_mask(element, settings, name, result)
    _read_actions(element, settings, name, result)
    _read_properties(element, settings, name, result)
    _read_patterns(element, around, settings, name, result)
    if element.text_of("description"):
        settings["description"] = " ".join(element.text_of("description").split())
    for child in element.children:
        if child.name not in _KNOWN:
            result.remark(child, f"{name}: {child.name}", "is not known")
    result.monitors[name] = settings


def _refusal(name: str, element: Element, taken: dict[str, dict[str, Any]]) -> str:
    """Return why a monitor cannot be taken; empty when it can."""
    if not name:
        return "has no name"
    if name in taken:
        return "there is one of that name already"
    if is_of_library(name) or element.text_of("pointcut"):
        return ""
    return reason_without(name) or "is no monitor of the library, and has no pointcut"


def _read_custom(element: Element, settings: dict[str, Any], name: str, result: Imported) -> str:
    """Read what a custom monitor has besides; return why it cannot be taken, empty when it can."""
    pointcut = " ".join(element.text_of("pointcut").rstrip("; \t\r\n").split())
    location = element.text_of("location-type")
    try:
        parse_pointcut(pointcut)
    except PointcutSyntaxError as error:
        return f"its pointcut cannot be read: column {error.column}: expected {error.expected}: {pointcut}"
    if location not in _LOCATIONS:
        result.remark(element, name, f"its location-type is {location or 'missing'!r}; before was taken")
        location = "before"
    settings |= {"kind": "custom", "location": location, "pointcut": pointcut}
    return ""


def _read_mask(element: Element, settings: dict[str, Any], name: str, result: Imported) -> None:
    mask = re.split(r"[\s,]+", element.text_of("dye-mask"))
    if any(mask) and name == "DyeInjection":
        result.remark(element, name, "its dye-mask is left out: it sets the dyes, and can wait for none")
    elif any(mask):
        settings["dye_mask"] = [flag for flag in mask if flag]
        settings["dye_filtering"] = _flag(element, "dye-filtering-enabled", result, default=False)


def _read_actions(element: Element, settings: dict[str, Any], name: str, result: Imported) -> None:
    actions = [one for one in element.all("action") if one.text.strip()]
    if name in STANDARD:
        for one in actions:
            result.remark(one, f"{name}: {one.text.strip()}", "the action of a standard monitor is fixed")
        return
    for one in actions:
        if one.text.strip() not in ACTIONS:
            result.remark(one, f"{name}: {one.text.strip()}", "is no action of the library; a plugin may bring it")
    settings["actions"] = [one.text.strip() for one in actions if one.text.strip() in ACTIONS]


def _read_properties(element: Element, settings: dict[str, Any], name: str, result: Imported) -> None:
    found: dict[str, str] = {}
    for one in element.all("properties"):
        for pair in one.text.split():
            key, sign, value = pair.partition("=")
            if name != "DyeInjection":
                result.remark(one, f"{name}: {pair}", "only DyeInjection has properties there")
            elif not sign or key not in PROPERTIES:
                result.remark(one, f"{name}: {pair}", f"is no property; known: {', '.join(sorted(PROPERTIES))}")
            else:
                found[key] = value
    if found:
        settings["properties"] = found


def _read_patterns(element: Element, around: Element, settings: dict[str, Any], name: str, result: Imported) -> None:
    """Read includes and excludes; those of the whole instrumentation are for monitors of applications."""
    wide = {key: [] if is_server_scope(name) else list(_texts(around, key)) for key in ("include", "exclude")}
    own = {key: list(_texts(element, key)) for key in ("include", "exclude")}
    if wide["include"] and not all(_is_under(pattern, wide["include"]) for pattern in own["include"]):
        reason = f"a class must fit those of all monitors, too ({', '.join(wide['include'])}); its own were taken"
        result.remark(element, f"{name}: include", reason)
    includes = own["include"] or wide["include"]
    excludes = list(dict.fromkeys((*own["exclude"], *wide["exclude"])))
    settings |= {key: value for key, value in (("includes", includes), ("excludes", excludes)) if value}


def _texts(element: Element, name: str) -> Iterator[str]:
    return (child.text.strip() for child in element.all(name) if child.text.strip())


def _is_under(pattern: str, wider: list[str]) -> bool:
    return any(fnmatchcase(pattern, one) for one in wider)


def _flag(element: Element, name: str, result: Imported, *, default: bool) -> bool:
    text = element.text_of(name).lower()
    if text and text not in _TRUE:
        result.remark(element, f"{name} = {text}", f"is neither true nor false; {str(default).lower()} was taken")
    return _TRUE.get(text, default)
