"""Text to pointcut tree, by recursive descent.

Grammar::

    expression := conjunction (OR conjunction)*             OR  := "or" | "OR" | "||"
    conjunction:= negation (AND negation)*                  AND := "and" | "AND" | "&&"
    negation   := NOT negation | term                       NOT := "not" | "NOT" | "!"
    term       := "(" expression ")" | designator | member
    designator := ("execution" | "withincode" | "call") "(" signature ")"        see ``signature``
                | ("get" | "set") "(" member ")"
                | ("handler" | "initialization" | "this" | "target" | "raises" | "within") "(" class ")"
                | "decorated" "(" name ")" | "args" "(" [parameters] ")" | "cflow" "(" expression ")"
                | name "(" ")"                                                   a named pointcut
    member     := [class "."] name
    class      := name ["+"]
    name       := name parts with "." or ":" between, ".." any depth, "*" in parts, "{a,b}"

A bare member is short for an execution of that name with any parameters. A named pointcut is replaced by its tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from weaver.pointcut.nodes import (
    And,
    Args,
    Cflow,
    Decorated,
    Execution,
    Get,
    Handler,
    Initialization,
    Not,
    OfClass,
    Or,
    Pointcut,
    Raises,
    Set,
    Target,
    This,
    Within,
    children,
)
from weaver.pointcut.signature import FUNCTIONS, read_function
from weaver.pointcut.tokens import AND, NOT, OR, Cursor, did_you_mean
from weaver.pointcut.words import read_class, read_member, read_name, read_value, read_values
from weaver.tokens import Token

NESTING = 32
"""How deep parentheses, ``not`` and ``cflow`` may stand in one another, named pointcuts counted."""
PARTS = 2000
"""How many designators and operators an expression may have, named pointcuts counted."""

_MEMBERS: dict[str, type[Get | Set]] = {"get": Get, "set": Set}
_CLASSES: dict[str, type[OfClass | Within]] = {
    "handler": Handler,
    "initialization": Initialization,
    "this": This,
    "target": Target,
    "raises": Raises,
    "within": Within,
}
DESIGNATORS = (*FUNCTIONS, *_MEMBERS, *_CLASSES, "decorated", "args", "cflow")
_NOTHING: Mapping[str, Pointcut] = MappingProxyType({})


def parse_pointcut(text: str, named: Mapping[str, Pointcut] = _NOTHING) -> Pointcut:
    """Parse an expression, in which ``name()`` stands for one of the named pointcuts.

    Errors: PointcutSyntaxError, with column and hint.
    """
    parser = _Parser(text, named)
    tree = parser.expression()
    parser.end("'and', 'or' or the end")
    return tree


def parse_designator(designator: str, text: str) -> Pointcut:
    """Parse what stands between the parentheses of a designator.

    Errors: PointcutSyntaxError, with a column of this text.
    """
    parser = _Parser(text, _NOTHING)
    tree = parser.content(designator)
    parser.end("the end")
    return tree


class _Parser:
    def __init__(self, text: str, named: Mapping[str, Pointcut]) -> None:
        self._cursor = Cursor(text)
        self._named = named
        self._level = 0
        self._parts = 0

    def end(self, expected: str) -> None:
        """See that all is read.

        Errors: PointcutSyntaxError.
        """
        token = self._cursor.next
        if token.kind != "end":
            raise self._cursor.error(expected, f"{token.text!r} stands alone")

    def expression(self) -> Pointcut:
        """Read an expression.

        Errors: PointcutSyntaxError.
        """
        return self._joined(OR, lambda: self._joined(AND, self._negation, And), Or)

    def content(self, designator: str) -> Pointcut:
        """Read what stands between the parentheses of a designator.

        Errors: PointcutSyntaxError.
        """
        cursor = self._cursor
        if designator in FUNCTIONS:
            return read_function(cursor, FUNCTIONS[designator])
        if designator in _MEMBERS:
            return _MEMBERS[designator](*read_member(cursor, "an attribute"))
        if designator in _CLASSES:
            return _CLASSES[designator](
                *read_class(cursor, "a module or class" if designator == "within" else "a class")
            )
        if designator == "decorated":
            return Decorated(read_name(cursor, "the name of a decorator"))
        if designator == "args":
            return Args(read_values(cursor, lambda: read_value(cursor, classes=True)))
        return Cflow(self._deeper(self.expression))

    def _joined(self, operators: frozenset[str], read: Callable[[], Pointcut], kind: type[And | Or]) -> Pointcut:
        operands = [read()]
        while self._cursor.next.text in operators:
            self._cursor.take()
            operands.append(read())
        return operands[0] if len(operands) == 1 else kind(tuple(operands))

    def _negation(self) -> Pointcut:
        if self._cursor.next.text in NOT:
            self._cursor.take()
            return Not(self._deeper(self._negation))
        return self._term()

    def _term(self) -> Pointcut:
        cursor = self._cursor
        token = cursor.next
        self._count(1, token)
        if cursor.accept("("):
            tree = self._deeper(self.expression)
            cursor.close(token.column, "'and', 'or' or ')'")
            return tree
        if token.kind == "word" and cursor.following().text == "(":
            return self._designator(cursor.take())
        return Execution(*read_member(cursor, "a pointcut"))

    def _designator(self, token: Token) -> Pointcut:
        cursor = self._cursor
        opened = cursor.open()
        if token.text in DESIGNATORS:
            tree = self.content(token.text)
            cursor.close(opened)
            return tree
        if not cursor.accept(")"):
            hint = did_you_mean(token.text, DESIGNATORS)
            raise cursor.error(f"one of {', '.join(DESIGNATORS)}", hint, token.column)
        if token.text not in self._named:
            hint = did_you_mean(token.text, {*DESIGNATORS, *self._named})
            raise cursor.error("the name of a pointcut", hint or _known(self._named), token.column)
        tree = self._named[token.text]
        depth, parts = measure(tree)
        self._check_level(self._level + depth, token)
        self._count(parts, token)
        return tree

    def _deeper(self, read: Callable[[], Pointcut]) -> Pointcut:
        self._level += 1
        self._check_level(self._level, self._cursor.next)
        tree = read()
        self._level -= 1
        return tree

    def _check_level(self, level: int, token: Token) -> None:
        if level > NESTING:
            raise self._cursor.error(f"at most {NESTING} levels of parentheses and 'not'", at=token.column)

    def _count(self, parts: int, token: Token) -> None:
        self._parts += parts
        if self._parts > PARTS:
            raise self._cursor.error(f"at most {PARTS} parts", at=token.column)


def measure(tree: Pointcut) -> tuple[int, int]:
    """Return how deep a tree is and how many parts it has."""
    depth, parts, level = 0, 0, [tree]
    while level:
        parts += len(level)
        level = [below for node in level for below in children(node)]
        depth += bool(level)
    return depth, parts


def references(text: str) -> list[Token]:
    """Return the named pointcuts that an expression uses, where they stand.

    Errors: PointcutSyntaxError, for what is no text of a pointcut at all.
    """
    cursor = Cursor(text)
    found: list[Token] = []
    while (token := cursor.take()).kind != "end":
        is_name = token.kind == "word" and token.text not in DESIGNATORS
        if is_name and cursor.next.text == "(" and cursor.following().text == ")":
            found.append(token)
    return found


def _known(named: Mapping[str, Pointcut]) -> str:
    return f"there are: {', '.join(sorted(named))}" if named else "there are none here"
