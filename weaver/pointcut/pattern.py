"""Patterns of names: ``*`` within one part, ``..`` for any depth, ``{a,b}`` for either; ``a..`` is ``a`` and all below.

A pattern becomes a regular expression once and is kept. The expression never goes back behind a wildcard that is
followed by another, so that a match takes time in proportion to the lengths of pattern and name.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache

ALTERNATIVES = 64
"""How many names the braces of one pattern may stand for."""
KEPT = 4096

_BRACES = re.compile(r"\{([^}]*)\}")
_INNER = r"[^.]*"


def alternatives(pattern: str) -> int:
    """Return how many names the braces of a pattern stand for."""
    count = 1
    for found in _BRACES.finditer(pattern):
        count = min(count * (found[1].count(",") + 1), ALTERNATIVES + 1)
    return count


def fits(pattern: str, name: str) -> bool:
    """Say whether a dotted name is what a pattern describes."""
    return pattern == name or _regex(pattern).fullmatch(name) is not None


def fits_class(pattern: str, name: str) -> bool:
    """Say whether a class's dotted name fits; a pattern of one part is compared with the last part of the name."""
    return fits(pattern, name if "." in pattern else name.rpartition(".")[2])


def fits_inside(pattern: str, name: str) -> bool:
    """Say whether a dotted name fits or lies below one that fits."""
    return fits(pattern if pattern.endswith("..") else pattern + "..", name)


@lru_cache(maxsize=KEPT)
def may_lie_in(pattern: str, module: str, *, below: bool = False) -> bool:
    """Say whether the module, or a class or function in it, can fit.

    Shape: ``below`` is for patterns that stand for all that lies below them, too.
    """
    head, dots, _ = pattern.partition("..")
    parts, names = head.split("."), module.split(".")
    if len(names) > len(parts) and not (dots or below):
        return False
    return all(map(fits, parts, names))


def without_locals(name: str) -> str:
    """Return a dotted name without the marks of functions around it."""
    return name.replace(".<locals>", "") if "<" in name else name


@lru_cache(maxsize=KEPT)
def _regex(pattern: str) -> re.Pattern[str]:
    pieces = [piece.split(",") if at % 2 else [piece] for at, piece in enumerate(_BRACES.split(pattern))]
    return re.compile("|".join(_path("".join(chosen)) for chosen in itertools.product(*pieces)))


def _path(text: str) -> str:
    """Return the expression for a path without braces."""
    open_end = text.endswith("..")
    first, *others = [_segment(piece) for piece in text.removesuffix("..").split("..")]
    end = r"(?:\..*)?" if open_end else ""
    if not others:
        return first + end
    middle = "".join(rf"(?>(?:[^.]*\.)*?{piece}\.)" for piece in others[:-1])
    return rf"{first}\.{middle}(?:[^.]*\.)*{others[-1]}{end}"


def _segment(text: str) -> str:
    """Return the expression for parts with one dot between them."""
    return r"\.".join(map(_part, text.split(".")))


def _part(text: str) -> str:
    first, *others = map(re.escape, text.split("*"))
    if not others:
        return first
    middle = "".join(rf"(?>[^.]*?{piece})" for piece in others[:-1] if piece)
    return rf"{first}{middle}{_INNER}{others[-1]}(?=\.|\Z)" if others[-1] else f"{first}{middle}{_INNER}"
