"""Named pointcuts: a table of texts that may use one another, in any order."""

from __future__ import annotations

from collections.abc import Mapping

from weaver.errors import PointcutSyntaxError
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import DESIGNATORS, parse_pointcut, references
from weaver.pointcut.tokens import OPERATORS
from weaver.tokens import Token


def parse_named(
    texts: Mapping[str, str],
) -> tuple[dict[str, Pointcut], dict[str, PointcutSyntaxError]]:
    """Parse a table of named pointcuts; return the trees, and the faults of the others, both by name."""
    named: dict[str, Pointcut] = {}
    faults: dict[str, PointcutSyntaxError] = {}
    uses: dict[str, list[Token]] = {}
    for name, text in texts.items():
        try:
            uses[name] = _uses(name, text)
        except PointcutSyntaxError as fault:
            faults[name] = fault
    while ready := [name for name, used in uses.items() if not any(token.text in uses for token in used)]:
        for name in ready:
            try:
                named[name] = _parsed(texts[name], uses.pop(name), named, faults)
            except PointcutSyntaxError as fault:
                faults[name] = fault
    for name, used in uses.items():
        column = next(token.column for token in used if token.text in uses)
        way = " uses ".join(_way(name, uses))
        faults[name] = PointcutSyntaxError(texts[name], column, "a pointcut that does not lead back here", way)
    return named, faults


def _uses(name: str, text: str) -> list[Token]:
    if not name.isidentifier() or name in {*DESIGNATORS, *OPERATORS}:
        reason = f"{name!r} cannot be the name of a pointcut"
        raise PointcutSyntaxError(text, 1, "a name of letters, digits and '_' that is no designator", reason)
    return references(text)


def _parsed(
    text: str, used: list[Token], named: Mapping[str, Pointcut], faults: Mapping[str, PointcutSyntaxError]
) -> Pointcut:
    for token in used:
        if token.text in faults:
            raise PointcutSyntaxError(text, token.column, "a pointcut without a fault", f"{token.text!r} has one")
    return parse_pointcut(text, named)


def _way(name: str, uses: Mapping[str, list[Token]]) -> list[str]:
    """Return the names from one to the first that comes again."""
    way = [name]
    while True:
        name = next(token.text for token in uses[name] if token.text in uses)
        if name in way:
            return [*way, name]
        way.append(name)
