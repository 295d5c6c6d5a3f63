"""One source file as definitions: its imports, classes and functions with their names as Python will give them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(slots=True)
class Scope:
    """Names of one function, and the functions around it.

    Shape: ``imports`` are names with what they stand for; ``local`` are all other names that it binds; ``outer`` are
    those that it says are the module's.
    """

    around: Scope | None = None
    imports: dict[str, str] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class SourceClass:
    """A class; ``bases`` and ``decorators`` are dotted as written, empty text for what is no name."""

    qualname: str
    bases: tuple[str, ...]
    decorators: tuple[str, ...]
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class SourceFunction:
    """A function; ``owner`` is the qualified name of the class it is a method of."""

    qualname: str
    name: str
    owner: str | None
    node: FunctionNode
    scope: Scope


@dataclass(slots=True)
class SourceModule:
    """What a file defines.

    Shape: ``names`` are those that the module itself binds by ``def``, ``class`` and assignment.
    """

    name: str
    filename: str
    imports: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    classes: dict[str, SourceClass] = field(default_factory=dict)
    functions: list[SourceFunction] = field(default_factory=list)


def is_local(name: str, scope: Scope | None) -> bool:
    """Say whether a name in a function is a variable of it or of a function around it."""
    while scope is not None and name not in scope.outer:
        if name in scope.imports or name in scope.local:
            return True
        scope = scope.around
    return False


def read_source(module: str, filename: str, text: str | bytes, *, is_package: bool) -> SourceModule:
    """Read a file's text.

    Errors: SyntaxError, ValueError, RecursionError or MemoryError for a text that Python refuses, too.
    """
    found = SourceModule(module, filename)
    package = module if is_package else module.rpartition(".")[0]
    _Reader(found, package).read(ast.parse(text, filename).body, "", None, None)
    return found


def dotted(node: ast.AST | None) -> str:
    """Return the dotted name that an expression is, without arguments and subscripts; empty when it is none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        else:
            node = node.func if isinstance(node, ast.Call) else node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Yield the nodes of a function's own code, in the order they are written; those of inner definitions are not."""
    waiting: list[ast.AST] = list(reversed([function.body] if isinstance(function, ast.Lambda) else function.body))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(_inside(node)))


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a function evaluates of a node; annotations of its variables and of attributes are not."""
    if isinstance(node, ast.AnnAssign):
        yield from [] if node.value is None else [node.target, node.value]
    elif isinstance(node, FunctionNode):
        yield from _evaluated(node)
    else:
        yield from ast.iter_child_nodes(node)


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what the code around a definition evaluates of it."""
    if isinstance(node, ast.ClassDef):
        yield from [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    elif isinstance(node, FunctionNode):
        yield from [] if isinstance(node, ast.Lambda) else node.decorator_list
        yield from [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]


class _Reader:
    def __init__(self, module: SourceModule, package: str) -> None:
        self._module = module
        self._package = package

    def read(self, nodes: Iterable[ast.AST], prefix: str, owner: str | None, scope: Scope | None) -> None:
        """Read the nodes of one scope, of what lies in blocks of it, too."""
        waiting = list(nodes)[::-1]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Import | ast.ImportFrom):
                (self._module.imports if scope is None else scope.imports).update(self._imported(node))
            elif isinstance(node, ast.Global) and scope is not None:
                scope.outer.update(node.names)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bind(node.id, owner, scope)
            if not isinstance(node, _DEFINITIONS):
                waiting += list(ast.iter_child_nodes(node))[::-1]
                continue
            waiting += list(_evaluated(node))[::-1]
            if not isinstance(node, ast.Lambda):
                self._bind(node.name, owner, scope)
            if isinstance(node, ast.ClassDef):
                self._class(node, prefix, scope)
            elif isinstance(node, FunctionNode):
                self._function(node, prefix, owner, scope)

    def _bind(self, name: str, owner: str | None, scope: Scope | None) -> None:
        if scope is not None and name not in scope.outer:
            scope.local.add(name)
        elif owner is None:
            self._module.names.add(name)

    def _class(self, node: ast.ClassDef, prefix: str, scope: Scope | None) -> None:
        qualname = prefix + node.name
        methods = frozenset(one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
        self._module.classes[qualname] = SourceClass(
            qualname, tuple(map(dotted, node.bases)), tuple(map(dotted, node.decorator_list)), methods
        )
        self.read(node.body, f"{qualname}.", qualname, scope)

    def _function(self, node: FunctionNode, prefix: str, owner: str | None, around: Scope | None) -> None:
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        scope = Scope(around, local={one.arg for one in parameters_of(node)})
        self._module.functions.append(SourceFunction(prefix + name, name, owner, node, scope))
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        self.read(body, f"{prefix}{name}.<locals>.", None, scope)

    def _imported(self, node: ast.Import | ast.ImportFrom) -> dict[str, str]:
        if isinstance(node, ast.Import):
            return {
                one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0]
                for one in node.names
            }
        package = self._package.split(".")[: len(self._package.split(".")) - node.level + 1]
        origin = ".".join([*(package if node.level else []), *([node.module] if node.module else [])])
        return {one.asname or one.name: f"{origin}.{one.name}" for one in node.names}


def parameters_of(node: FunctionNode) -> list[ast.arg]:
    """Return a function's parameters in the order of its code object."""
    args = node.args
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    return found + [one for one in (args.vararg, args.kwarg) if one is not None]
