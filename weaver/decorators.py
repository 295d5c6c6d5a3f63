"""Decorators as they are written in the source: read when a pointcut asks, a file once."""

from __future__ import annotations

import ast
import linecache
import sys
from functools import lru_cache


def decorators_of(module: str, filename: str, qualname: str, line: int) -> tuple[str, ...]:
    """Return the dotted names of a function's decorators, and of its class's prefixed ``class:``; none without source.

    Shape: ``line`` is the first one of the function, that of its first decorator.
    """
    found = _of_file(filename, module)
    above = found.get((qualname.rpartition(".")[0], 0), ())
    return (*found.get((qualname, line), ()), *(f"class:{name}" for name in above))


@lru_cache(maxsize=256)
def _of_file(filename: str, module: str) -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the decorators of a file's functions by name and line; those of its classes have line 0."""
    loaded = sys.modules.get(module)
    source = "".join(linecache.getlines(filename, None if loaded is None else vars(loaded)))
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    try:
        _collect(ast.parse(source), "", found)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return found


def _collect(node: ast.AST, prefix: str, found: dict[tuple[str, int], tuple[str, ...]]) -> None:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            _collect(child, prefix, found)
            continue
        names = tuple(filter(None, map(_dotted, child.decorator_list)))
        is_class = isinstance(child, ast.ClassDef)
        line = 0 if is_class else min((one.lineno for one in child.decorator_list), default=child.lineno)
        found[prefix + child.name, line] = names
        _collect(child, prefix + child.name + ("." if is_class else ".<locals>."), found)


def _dotted(expression: ast.expr) -> str:
    """Return the dotted name of a decorator, without its arguments; empty when it has none."""
    while isinstance(expression, ast.Call):
        expression = expression.func
    try:
        text = ast.unparse(expression)
    except RecursionError:
        return ""
    return text if all(part.isidentifier() for part in text.split(".")) else ""
