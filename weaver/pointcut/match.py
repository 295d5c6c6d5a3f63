"""Does a pointcut select a joinpoint shadow? Yes, or no and why."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from weaver.pointcut.nodes import And, Execution, Not, Or, Parameters, Pointcut, Within
from weaver.shadow import Shadow


class Match(NamedTuple):
    """The answer, and for a no its reason in words."""

    matched: bool
    reason: str = ""


def match(pointcut: Pointcut, shadow: Shadow) -> Match:
    """Match one shadow."""
    if isinstance(pointcut, Execution):
        return _execution(pointcut, shadow)
    if isinstance(pointcut, Within):
        return _within(pointcut, shadow)
    if isinstance(pointcut, Not):
        inner = match(pointcut.operand, shadow)
        return Match(not inner.matched, f"{shadow.id} is {pointcut.operand}" if inner.matched else "")
    if isinstance(pointcut, And):
        left = match(pointcut.left, shadow)
        return match(pointcut.right, shadow) if left.matched else left
    if isinstance(pointcut, Or):
        left = match(pointcut.left, shadow)
        if left.matched:
            return left
        right = match(pointcut.right, shadow)
        return right if right.matched else Match(False, f"{left.reason}; {right.reason}")
    raise TypeError(f"{type(pointcut).__name__} is no pointcut")


def _execution(pointcut: Execution, shadow: Shadow) -> Match:
    if not _pattern(pointcut.name).fullmatch(shadow.name):
        return Match(False, f"the name {shadow.name} is not {pointcut.name}")
    if pointcut.path and not _in_path(pointcut.path, pointcut.subclasses, shadow):
        plus = " or a subclass of it" if pointcut.subclasses else ""
        return Match(False, f"{shadow.class_name or shadow.module} is not {pointcut.path}{plus}")
    if not _parameters(pointcut.parameters, shadow):
        return Match(
            False, f"the parameters {', '.join(p.name for p in shadow.parameters)} are not ({pointcut.parameters})"
        )
    if pointcut.returns != "*" and not _pattern(pointcut.returns).fullmatch(shadow.returns or "None"):
        return Match(False, f"it returns {shadow.returns}, not {pointcut.returns}")
    return Match(True)


def _within(pointcut: Within, shadow: Shadow) -> Match:
    pattern = _pattern(pointcut.path)
    places = [shadow.module, f"{shadow.module}.{shadow.qualname}"]
    if shadow.class_name:
        places.append(shadow.class_name)
    if pointcut.subclasses:
        places += shadow.bases
    inside = any(pattern.fullmatch(place) or _pattern(f"{pointcut.path}..*").fullmatch(place) for place in places)
    return Match(inside, "" if inside else f"{shadow.id} is not within {pointcut.path}")


def _in_path(path: str, subclasses: bool, shadow: Shadow) -> bool:
    pattern = _pattern(path.rstrip(".") + "..*" if path.endswith("..") else path)
    places: list[str] = [shadow.class_name or shadow.module]
    if subclasses:
        places += shadow.bases
    elif shadow.class_name is None and "." in shadow.qualname:
        places.append(f"{shadow.module}.{shadow.qualname.rpartition('.')[0]}")
    if path.endswith("..") and any(_pattern(path.rstrip(".")).fullmatch(place) for place in places):
        return True
    return any(pattern.fullmatch(place) is not None for place in places)


def _parameters(parameters: Parameters, shadow: Shadow) -> bool:
    present = [p for p in shadow.parameters if not (p.name in {"self", "cls"} and "self" not in parameters.names)]
    if parameters.rest and not parameters.names:
        return True
    if len(present) < len(parameters.names) or (not parameters.rest and len(present) != len(parameters.names)):
        return False
    for wanted, given in zip(parameters.names, present, strict=False):
        pattern = _pattern(wanted)
        if not pattern.fullmatch(given.name) and not (given.annotation and pattern.fullmatch(given.annotation)):
            return False
    return True


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a path pattern: ``*`` within one part, ``..`` for any depth, ``{a,b}``."""
    out = ""
    for piece in re.split(r"(\.\.|\*|\{[^}]*\})", text):
        if piece == "..":
            out += r"\.(?:[\w<>]+\.)*"
        elif piece == "*":
            out += r"[\w<>]*"
        elif piece.startswith("{"):
            out += "(?:" + "|".join(re.escape(option.strip()) for option in piece[1:-1].split(",")) + ")"
        else:
            out += re.escape(piece)
    return re.compile(out)
