"""Why a pointcut selects a shadow or not: the answer of each of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from weaver.pointcut.match import Match, decide, match
from weaver.pointcut.nodes import And, Not, Or, Pointcut
from weaver.shadow import Shadow

Answer = Literal["yes", "no", "run time"]
MARKS: dict[Answer, str] = {"yes": "+", "no": "-", "run time": "?"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of one part of a pointcut.

    Shape: ``reason`` says why not, or for ``run time`` what must hold then.
    """

    text: str
    answer: Answer
    reason: str = ""
    parts: tuple[Explanation, ...] = ()

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield a line for each part with its mark: ``+`` yes, ``-`` no, ``?`` known at run time."""
        reason = f": {self.reason}" if self.reason and not self.parts else ""
        yield f"{'  ' * depth}{MARKS[self.answer]} {self.text}{reason}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def as_json(self) -> dict[str, Any]:
        """Return the tree as a plain value."""
        parts = [part.as_json() for part in self.parts]
        return {"text": self.text, "answer": self.answer, "reason": self.reason, "parts": parts}


def explain(pointcut: Pointcut, shadow: Shadow) -> Explanation:
    """Explain the answer of a pointcut for a shadow."""
    whole, parts = match(pointcut, shadow), _explained(pointcut, shadow)
    if whole.matched or parts.answer == "no":
        return parts
    return Explanation(parts.text, "no", "", (*parts.parts, Explanation("kind of joinpoint", "no", whole.reason)))


def _explained(pointcut: Pointcut, shadow: Shadow) -> Explanation:
    found = decide(pointcut, shadow)
    if isinstance(pointcut, And | Or):
        text = "all of" if isinstance(pointcut, And) else "any of"
        parts = tuple(_explained(one, shadow) for one in pointcut.operands)
        return Explanation(text, _answer(found), _reason(found), parts)
    if isinstance(pointcut, Not):
        return Explanation("not", _answer(found), _reason(found), (_explained(pointcut.operand, shadow),))
    return Explanation(str(pointcut), _answer(found), _reason(found))


def _answer(found: Match) -> Answer:
    if not found.matched:
        return "no"
    return "yes" if found.residue is None else "run time"


def _reason(found: Match) -> str:
    return found.reason if found.residue is None else f"when {found.residue}"
