"""What one word of a pointcut may be: a name, a class or place with its ``+``, a member of one."""

from __future__ import annotations

from collections.abc import Callable

from weaver.pointcut.nodes import Parameters, Value
from weaver.pointcut.tokens import Cursor
from weaver.tokens import Token

MODIFIERS = ("public", "protected", "private", "static")


def plain_text(token: Token) -> str:
    """Return a word as patterns have it: dots only, without the marks of functions around a function."""
    return token.text.replace(":", ".").replace(".<locals>.", ".")


def read_name(cursor: Cursor, expected: str) -> str:
    """Read a word that has no ``+``.

    Errors: PointcutSyntaxError.
    """
    token = cursor.word(expected)
    plus = token.text.find("+")
    if plus >= 0:
        raise cursor.error("a name without '+'", "'+' stands behind a class", token.column + plus)
    return plain_text(token)


def read_returns(cursor: Cursor) -> str:
    """Read what a function returns; modifiers stand before it.

    Errors: PointcutSyntaxError.
    """
    if cursor.next.text in MODIFIERS:
        raise cursor.error("what it returns", f"{cursor.next.text!r} is a modifier of an execution")
    return read_name(cursor, "what it returns")


def read_class(cursor: Cursor, expected: str = "a class") -> tuple[str, bool]:
    """Read a class or place; return its pattern and whether its subclasses count.

    Errors: PointcutSyntaxError.
    """
    token = cursor.word(expected)
    text = plain_text(token)
    pattern = text.removesuffix("+")
    if "+" in pattern or (pattern != text and pattern.endswith("..")):
        raise cursor.error("'+' behind a class, at the end", at=token.column + token.text.find("+"))
    return pattern, pattern != text


def read_value(cursor: Cursor, *, classes: bool) -> Value:
    """Read a parameter's name or annotation, or the class of an argument, with its ``%``.

    Errors: PointcutSyntaxError.
    """
    shown = cursor.accept("%")
    if classes:
        pattern, subclasses = read_class(cursor, "the class of an argument")
        return Value(pattern, subclasses, shown)
    return Value(read_name(cursor, "a parameter"), shown=shown)


def read_values(cursor: Cursor, read: Callable[[], Value]) -> Parameters:
    """Read values up to the closing parenthesis, which stays.

    Errors: PointcutSyntaxError.
    """
    values: list[Value] = []
    if cursor.next.text == ")":
        return Parameters((), rest=False)
    while True:
        if cursor.next.kind == "rest":
            cursor.take()
            return Parameters(tuple(values))
        values.append(read())
        if not cursor.accept(","):
            return Parameters(tuple(values), rest=False)


def read_member(cursor: Cursor, expected: str = "a name") -> tuple[str, str, bool]:
    """Read what stands in a module or class; return its name, the path around it, and whether subclasses count.

    Errors: PointcutSyntaxError.
    """
    token = cursor.word(expected)
    text = plain_text(token)
    path, dot, name = text.rpartition(".")
    if not name:
        raise cursor.error("a name behind the last dot", at=token.column + len(token.text))
    if path.endswith("."):
        path += dot
    subclasses = path.endswith("+")
    path = path.removesuffix("+")
    if "+" in path or "+" in name:
        hint = "'+' stands behind a class, before the last dot"
        raise cursor.error("a name", hint, token.column + token.text.find("+"))
    return name, path, subclasses
