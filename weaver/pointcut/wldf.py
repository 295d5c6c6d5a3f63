"""The signatures that users of the original product write.

Grammar::

    signature := [modifiers] type class method "(" [type ("," type)* ["," "..."]] ")"
    modifiers := (modifier ("OR" modifier)*)+               modifier := "public" | "protected" | "private" | "static"
    type      := ["%"] ["+"] name "[]"*
    class     := ["+"] name | "@" name ("OR" name)*         in ``call`` without the second form

A blank stands between class and method, ``+`` before the class. ``*`` at an end of a class covers dots too. What Python
has in another form is put so: modifiers are underscores and ``staticmethod``, an annotation is a decorator, a Java type
is the Python type of such values, ``+`` before a parameter's type asks for the argument's class. What a call returns,
and ``+`` before a return type, is read and not asked.
"""

from __future__ import annotations

from collections.abc import Callable

from weaver.pointcut.nodes import (
    And,
    Args,
    Call,
    Decorated,
    Function,
    Or,
    Parameters,
    Pointcut,
    Value,
)
from weaver.pointcut.tokens import OR, Cursor
from weaver.pointcut.words import MODIFIERS, read_name, read_returns, read_values

Modifiers = tuple[tuple[str, ...], ...]
"""Every group must hold, of a group any."""

_TYPES = dict.fromkeys(("byte", "short", "long"), "int") | {
    "void": "None",
    "boolean": "bool",
    "char": "str",
    "double": "float",
}
_Named = Callable[[str], Pointcut]
_MODIFIERS: dict[str, Callable[[_Named], Pointcut]] = {
    "public": lambda named: ~named("_*") | named("__*__"),
    "protected": lambda named: named("_*") & ~named("__*"),
    "private": lambda named: named("__*") & ~named("__*__"),
    "static": lambda _: Decorated("staticmethod"),
}


def read_modifiers(cursor: Cursor) -> Modifiers:
    """Read the modifiers; a name before a parenthesis is a function's.

    Errors: PointcutSyntaxError.
    """
    groups: list[tuple[str, ...]] = []
    while _is_modifier(cursor):
        group = [cursor.take().text]
        while cursor.next.text in OR:
            cursor.take()
            if not _is_modifier(cursor):
                raise cursor.error(f"one of {', '.join(MODIFIERS)}")
            group.append(cursor.take().text)
        groups.append(tuple(group))
    return tuple(groups)


def with_modifiers(node: Pointcut, kind: type[Function], modifiers: Modifiers) -> Pointcut:
    """Return what a signature selects of the functions with these modifiers."""
    if not modifiers:
        return node
    wanted = [[_MODIFIERS[name](kind) for name in group] for group in modifiers]
    return And((node, *(group[0] if len(group) == 1 else Or(tuple(group)) for group in wanted)))


def is_spoken(cursor: Cursor) -> bool:
    """Say whether the signature that follows is one of these: a return type, a class and a method stand apart."""
    at = int(cursor.next.text == "%")
    if cursor.following(at).text == "+":
        return True
    at += 1
    token = cursor.following(at)
    return token.text in {"[]", "+", "@"} or token.kind == cursor.following(at + 1).kind == "word"


def read_function(cursor: Cursor, kind: type[Function]) -> Pointcut:
    """Read a signature; the closing parenthesis behind it stays.

    Errors: PointcutSyntaxError.
    """
    returns = _read_type(cursor, read_returns)
    returns = Value("*" if kind is Call else returns.pattern, shown=returns.shown)
    decorators = _read_annotations(cursor) if kind is not Call and cursor.accept("@") else ()
    path, subclasses = ("", False) if decorators else _read_class(cursor)
    column = cursor.next.column
    method = read_name(cursor, "a method")
    if "." in method:
        raise cursor.error("a method's name without dots", at=column)
    opened = cursor.open("'(' before the parameters")
    parameters = read_values(cursor, lambda: _read_type(cursor))
    cursor.close(opened)
    node = _function(kind, method, path, subclasses, parameters, returns)
    if not decorators:
        return node
    found = [Decorated(name) for name in decorators]
    return And((node, found[0] if len(found) == 1 else Or(tuple(found))))


def _function(
    kind: type[Function], method: str, path: str, subclasses: bool, parameters: Parameters, returns: Value
) -> Pointcut:
    asked = [value for value in parameters.values if value.subclasses]
    if kind is Call or not asked:
        return kind(method, path, subclasses, parameters, returns)
    written = tuple(Value(shown=value.shown) if value.subclasses else value for value in parameters.values)
    classes = tuple(Value(value.pattern, True) if value.subclasses else Value() for value in parameters.values)
    return And(
        (
            kind(method, path, subclasses, Parameters(written, parameters.rest), returns),
            Args(Parameters(classes, parameters.rest)),
        )
    )


def _read_annotations(cursor: Cursor) -> tuple[str, ...]:
    names = [read_name(cursor, "an annotation")]
    while cursor.next.text in OR:
        cursor.take()
        names.append(read_name(cursor, "an annotation"))
    return tuple(names)


def _read_type(cursor: Cursor, read: Callable[[Cursor], str] = lambda cursor: read_name(cursor, "a type")) -> Value:
    shown = cursor.accept("%")
    subclasses = cursor.accept("+")
    name = read(cursor)
    dimensions = 0
    while cursor.accept("[]"):
        dimensions += 1
    pattern = "list" if dimensions else _TYPES.get(name, name)
    return Value("bytes" if name == "byte" and dimensions == 1 else pattern, subclasses, shown)


def _read_class(cursor: Cursor) -> tuple[str, bool]:
    """Read a class, whose first and last wildcard may cover dots; return its pattern and whether subclasses count."""
    subclasses = cursor.accept("+")
    column = cursor.next.column
    name = read_name(cursor, "a class")
    if name == "*":
        return "", False
    if subclasses and name.endswith(".."):
        raise cursor.error("a class", "'+' stands before a class", column)
    if name.startswith("*"):
        name = f"*..{name.removeprefix('*.')}"
    return f"{name}.." if name.endswith("*") and not subclasses else name, subclasses


def _is_modifier(cursor: Cursor) -> bool:
    return cursor.next.text in MODIFIERS and cursor.following().text != "("
