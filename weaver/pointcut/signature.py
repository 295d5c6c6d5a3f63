"""A function's signature between the parentheses of ``execution``, ``withincode`` and ``call``.

Grammar::

    signature  := [modifiers] [["%"] name] member "(" [parameters] ")" | the original's, see ``wldf``
    parameters := ".." | value ("," value)* ["," ".."]
    value      := ["%"] name

The name before the member is what the function says it returns. A value of ``call`` and ``args`` is a class, with ``+``
for its subclasses; else it is a parameter's name, or its annotation as written.
"""

from __future__ import annotations

from weaver.pointcut import wldf
from weaver.pointcut.nodes import Call, Execution, Function, Pointcut, Value, WithinCode
from weaver.pointcut.tokens import Cursor
from weaver.pointcut.words import read_member, read_returns, read_value, read_values

FUNCTIONS: dict[str, type[Function]] = {"execution": Execution, "withincode": WithinCode, "call": Call}


def read_function(cursor: Cursor, kind: type[Function]) -> Pointcut:
    """Read a signature; the closing parenthesis behind it stays.

    Errors: PointcutSyntaxError.
    """
    modifiers = () if kind is Call else wldf.read_modifiers(cursor)
    if wldf.is_spoken(cursor):
        return wldf.with_modifiers(wldf.read_function(cursor, kind), kind, modifiers)
    returns = _read_returns(cursor, kind)
    name, path, subclasses = read_member(cursor, "a name and its parameters, such as do_invite(..)")
    opened = cursor.open("'(' before the parameters")
    parameters = read_values(cursor, lambda: read_value(cursor, classes=kind is Call))
    cursor.close(opened)
    return wldf.with_modifiers(kind(name, path, subclasses, parameters, returns), kind, modifiers)


def _read_returns(cursor: Cursor, kind: type[Function]) -> Value:
    column = cursor.next.column
    shown = cursor.accept("%")
    if not shown and cursor.following().kind != "word":
        return Value()
    returns = Value(read_returns(cursor), shown=shown)
    if kind is Call and returns.pattern != "*":
        raise cursor.error("'*'", "what a call returns is not known where it is made", column)
    return returns
