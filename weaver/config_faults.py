"""The faults of ``instrumentation.toml``: what is checked besides types, and the words and form of each fault."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from weaver.dye_mask import names_in
from weaver.errors import PointcutSyntaxError, WeaverError
from weaver.pointcut.named import parse_named
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut, references
from weaver.toml_lines import line_of
from weaver.watch import WATCHES, Watch, dye_of, faults_of
from weaver.watch_condition import missing_monitor, parse_condition

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NOT_EMPTY = r"\S"
MODULE_NAME = r"^[^\W\d]\w*(\.[^\W\d]\w*)*$"
_PATTERNS = {NOT_EMPTY: "text that is not empty", MODULE_NAME: "the dotted name of a module"}
_KINDS = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "greater_than_equal": "greater than or equal to {ge}",
    "less_than_equal": "less than or equal to {le}",
    "literal_error": "{expected}",
}
CUSTOM_ONLY = ("pointcut", "scope", "location")
"""Keys that only a custom monitor has."""
_REMEDY = 'add kind = "custom" or leave it out'
_SHOWN = 60
"""Characters of a value in a fault."""


class Fault(NamedTuple):
    """One fault; a pointcut's has the error with its column."""

    keys: tuple[str, ...]
    reason: str
    pointcut: PointcutSyntaxError | None = None


def fault_at(
    path: Path, text: str, keys: Sequence[str], reason: str, pointcut: PointcutSyntaxError | None = None
) -> str:
    """Return a fault as ``file:line: key.path: reason``, below it the line itself, and a caret for a pointcut."""
    line = line_of(text, keys)
    source = text.split("\n")[line - 1].strip()
    lines = [f"{path}:{line}: {key_path(keys)}: {reason}", f"    {source}"]
    if pointcut is not None:
        expression = re.sub(r"\s", " ", pointcut.text)
        if expression not in source:
            lines[1] = f"    {expression}"
        lines.append(" " * (lines[1].index(expression) + pointcut.column - 1) + "^")
    return "\n".join(lines)


def key_path(keys: Sequence[str]) -> str:
    """Return the path of a key as TOML writes it."""
    return ".".join(map(_quoted, keys))


def fault_of(error: ErrorDetails, known_at: Callable[[tuple[int | str, ...]], Sequence[str]]) -> Fault:
    """Return what a model says of a value in our words; ``known_at`` tells the keys that may stand at a place."""
    keys = tuple(map(str, error["loc"]))
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "extra_forbidden":
        known = known_at(error["loc"])
        return Fault(keys, "unknown key" + (_near(keys[-1], known) or f"; known: {', '.join(known)}"))
    wanted = _PATTERNS[context["pattern"]] if "pattern" in context else _KINDS[kind].format(**context)
    near = _near(str(value), re.findall(r"'(\w+)'", wanted)) if kind == "literal_error" else ""
    return Fault(keys, f"must be {wanted}, not {_shown(value)}{near}")


def pointcut_faults(values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of the expressions, named ones and those of monitors; one that uses a faulty one has none."""
    texts = {name: text for name, text in _table(values.get("pointcuts")).items() if _is_text(text)}
    names, wrong = frozenset(texts.items()), parse_named(texts)[1]
    faults = [_syntax_fault(("pointcuts", name), error) for name, error in wrong.items()]
    for name, value in _table(values.get("monitors")).items():
        text = _table(value).get("pointcut")
        if not _is_text(text):
            continue
        try:
            if not wrong or not any(token.text in wrong for token in references(text)):
                read_pointcut(text, names)
        except PointcutSyntaxError as error:
            faults.append(_syntax_fault(("monitors", name, "pointcut"), error))
    return faults


@lru_cache(maxsize=4096)
def read_pointcut(text: str, names: frozenset[tuple[str, str]]) -> Pointcut:
    """Return the pointcut of an expression that may use named ones; most are as before when a file is read again.

    Errors: PointcutSyntaxError.
    """
    return parse_pointcut(text, _named(names))


@lru_cache(maxsize=4)
def _named(names: frozenset[tuple[str, str]]) -> Mapping[str, Pointcut]:
    return parse_named(dict(names))[0]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _syntax_fault(keys: tuple[str, ...], error: PointcutSyntaxError) -> Fault:
    hint = f"; {error.hint}" if error.hint else ""
    return Fault(keys, f"column {error.column}: expected {error.expected}{hint}", error)


def monitor_faults(
    values: Mapping[str, Any], known: Collection[str] | None, flags: Collection[str] | None
) -> list[Fault]:
    """Return what is wrong between the settings of a monitor, and the names that do not exist."""
    faults: list[Fault] = []
    flags = None if flags is None else {*flags, *dye_names(values)}
    for name, value in _table(values.get("monitors")).items():
        monitor, keys = _table(value), ("monitors", name)
        kind = monitor.get("kind")
        if kind == "custom":
            faults += _custom_faults(keys, monitor, known)
        elif kind is None and isinstance(value, dict):
            faults += _library_faults(keys, monitor, known)
        faults += _flag_faults((*keys, "dye_mask"), monitor.get("dye_mask"), flags)
    if known is not None:
        faults += _counter_faults(values, {*known, *_table(values.get("monitors"))})
    return faults + _flag_faults(("logging", "dyed_debug"), _table(values.get("logging")).get("dyed_debug"), flags)


def _flag_faults(keys: tuple[str, ...], mask: object, flags: Collection[str] | None) -> list[Fault]:
    entries = [mask] if isinstance(mask, str) else mask
    if not isinstance(entries, list):
        return []
    faults = []
    for entry in [one for one in entries if _is_text(one)]:
        try:
            named = names_in(entry)
        except WeaverError as error:
            faults.append(Fault(keys, str(error)))
            continue
        if flags is not None:
            faults += [
                Fault(keys, f"{name!r} is no dye flag{_near(name, flags)}") for name in named if name not in flags
            ]
    return faults


def dye_names(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the dyes that rules and watches of the file set."""
    rules = _table(values.get("dyes")).get("rules")
    names = [_table(rule).get("name") for rule in rules] if isinstance(rules, list) else []
    watches = _table(values.get("watches"))
    return [name for name in names if isinstance(name, str)] + [
        dye_of(name) for name, watch in watches.items() if "dye" in _listed(_table(watch).get("actions"))
    ]


def _custom_faults(keys: tuple[str, str], monitor: Mapping[str, Any], known: Collection[str] | None) -> list[Fault]:
    if known is not None and keys[1] in known:
        return [Fault(keys, "the library has a monitor of that name; choose another")]
    if "pointcut" not in monitor:
        return [Fault((*keys, "pointcut"), "a custom monitor needs a pointcut")]
    return []


def _library_faults(keys: tuple[str, str], monitor: Mapping[str, Any], known: Collection[str] | None) -> list[Fault]:
    own = [key for key in CUSTOM_ONLY if key in monitor]
    if known is not None and keys[1] not in known:
        near = _near(keys[1], known)
        return [Fault(keys, f'there is no such monitor{near}; one of your own needs kind = "custom"')]
    return [Fault((*keys, key), f"only a custom monitor has a {key} of its own; {_REMEDY}") for key in own]


def watch_faults(values: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with watches whose values are of their types."""
    watches = _table(values.get("watches"))
    faults = [] if len(watches) <= WATCHES else [Fault(("watches",), f"there may be {WATCHES}, not {len(watches)}")]
    for name, value in watches.items():
        table = _table(value)
        given = {"when": "", "actions": ["notify"], "reset": 60.0, "dye": 600.0, **table}
        kinds: dict[str, Any] = {"when": str, "actions": list, "reset": (int, float), "dye": (int, float)}
        if any(not isinstance(given[key], kind) for key, kind in kinds.items()):
            continue  # told by the model
        actions = tuple(map(str, given["actions"]))
        watch = Watch(name, given["when"], actions, reset=given["reset"], dye=given["dye"])
        for key, reason in faults_of(watch):
            if key in {"reset", "dye"}:
                continue  # as above
            faults.append(Fault(("watches", name, key) if key in table else ("watches", name), reason))
    return faults


def _counter_faults(values: Mapping[str, Any], monitors: Collection[str]) -> list[Fault]:
    """Return the faults of watches over counters of monitors that do not exist."""
    faults = []
    for name, value in _table(values.get("watches")).items():
        when = _table(value).get("when")
        try:
            reason = missing_monitor(parse_condition(when), monitors.__contains__) if _is_text(when) else ""
        except WeaverError:
            continue  # told with the other faults of watches
        if reason:
            faults.append(Fault(("watches", name, "when"), reason))
    return faults


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _near(name: str, known: Collection[str]) -> str:
    """Return a hint at the nearest name, empty when none is near; case does not count."""
    folded = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), folded, 1)
    return f"; did you mean {folded[found[0]]!r}?" if found else ""


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key, ensure_ascii=False)
