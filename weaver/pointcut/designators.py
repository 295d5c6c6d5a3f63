"""Pointcuts written in Python: one function for each designator, to be combined with ``&``, ``|`` and ``~``.

Shape: the text is what stands between the designator's parentheses.
Errors: PointcutSyntaxError, with a column of that text.
"""

from __future__ import annotations

from collections.abc import Callable

from weaver.pointcut.nodes import Cflow, Pointcut
from weaver.pointcut.parser import parse_designator, parse_pointcut


def _designator(name: str, selects: str) -> Callable[[str], Pointcut]:
    def designator(text: str) -> Pointcut:
        return parse_designator(name, text)

    designator.__name__ = designator.__qualname__ = "set_" if name == "set" else name
    designator.__doc__ = f"Return ``{name}(text)``: {selects}."
    return designator


execution = _designator("execution", "the body of a function")
call = _designator("call", "a call site")
handler = _designator("handler", "an ``except`` clause")
get = _designator("get", "an attribute that is read")
set_ = _designator("set", "an attribute that is written")
initialization = _designator("initialization", "``__init__`` of a class")
within = _designator("within", "whatever lies in a module or class")
withincode = _designator("withincode", "whatever lies in the code of a function")
args = _designator("args", "the classes of the arguments")
this = _designator("this", "the class of the object that the code runs on")
target = _designator("target", "the class of the object that is called, read or written")
decorated = _designator("decorated", "what has a decorator")
raises = _designator("raises", "what ends with an exception")


def cflow(pointcut: Pointcut | str) -> Pointcut:
    """Return ``cflow(pointcut)``: while a joinpoint of that pointcut is on the way."""
    return Cflow(parse_pointcut(pointcut) if isinstance(pointcut, str) else pointcut)
