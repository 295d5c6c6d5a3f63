"""Shadows from source: what the weaver will find when the program runs, without running it.

What a program makes while it runs (generated methods, classes and functions put together by code) is not among them.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeGuard

from weaver.offline.files import SourceFile
from weaver.offline.program import Program
from weaver.offline.source import (
    FunctionNode,
    SourceFunction,
    SourceModule,
    dotted,
    is_local,
    own_nodes,
    parameters_of,
    read_source,
)
from weaver.shadow import CoKind, Kind, Parameter, Shadow


@dataclass(frozen=True, slots=True, eq=False)
class SourceShadow(Shadow):
    """A shadow that was read from source; its ``function`` is a stand-in.

    Shape: ``unread`` are bases of the class that were not read; ``heirs`` are the orders of the classes that inherit
    this method.
    """

    unread: tuple[str, ...] = ()
    heirs: tuple[tuple[str, ...], ...] = ()


EXECUTION: tuple[Kind, ...] = ("execution",)


class Scan(NamedTuple):
    """What a scan found; ``faults`` say which files cannot be read."""

    program: Program
    shadows: list[SourceShadow]
    faults: list[str]


def scan(files: Iterable[SourceFile], kinds: Collection[Kind] = EXECUTION) -> Scan:
    """Read files and return the shadows of these kinds in them."""
    modules: list[SourceModule] = []
    faults: list[str] = []
    for module, path in files:
        try:
            text = path.read_bytes()
            modules.append(read_source(module, str(path), text, is_package=path.name == "__init__.py"))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            faults.append(f"{path}: cannot be read: {error}")
    program = Program(modules)
    shadows = [
        shadow
        for module in program.modules.values()
        for function in module.functions
        for shadow in _shadows(program, module, function, kinds)
    ]
    return Scan(program, shadows, faults)


def _stand_in() -> None:
    """Stand in for a function that does not exist yet."""


def _shadows(
    program: Program, module: SourceModule, function: SourceFunction, kinds: Collection[Kind]
) -> Iterator[SourceShadow]:
    execution = _execution(program, module, function)
    if "execution" in kinds:
        yield execution
    wanted = [kind for kind in kinds if kind != "execution"]
    if not wanted:
        return
    for offset, (kind, name, owners, line) in enumerate(_places(program, module, function)):
        if kind in wanted:
            yield replace(execution, kind=kind, name=name, owners=owners, line=line, offset=offset)


def _execution(program: Program, module: SourceModule, function: SourceFunction) -> SourceShadow:
    node, owner = function.node, function.owner
    class_name = None if owner is None else f"{module.name}.{owner}"
    written = [] if isinstance(node, ast.Lambda) else node.decorator_list
    decorators = [*map(dotted, written)]
    if owner is not None:
        decorators += [f"class:{name}" for name in module.classes[owner].decorators]
    returns = None if isinstance(node, ast.Lambda) else _annotation(node.returns)
    return SourceShadow(
        module.name,
        function.qualname,
        function.name,
        module.filename,
        min((one.lineno for one in written), default=node.lineno),
        class_name,
        () if class_name is None else program.order(class_name),
        tuple(Parameter(one.arg, _annotation(one.annotation)) for one in parameters_of(node)),
        None if returns == "None" else returns,
        _stand_in,  # type: ignore[arg-type]
        decorators=tuple(filter(None, decorators)),
        flags=_flags(node),
        unread=() if class_name is None else program.unread(class_name),
        heirs=() if class_name is None else program.heirs(class_name, function.name),
    )


class _Place(NamedTuple):
    kind: Kind
    name: str
    owners: tuple[str, ...]
    line: int


def _places(program: Program, module: SourceModule, function: SourceFunction) -> Iterator[_Place]:
    callees: set[int] = set()
    for node in own_nodes(function.node):
        if isinstance(node, ast.Call):
            callees.add(id(node.func))
            if isinstance(node.func, ast.Attribute) or _is_callee(node.func, function):
                yield _named(program, module, function, "call", node.func)
        elif isinstance(node, ast.ExceptHandler) and node.type is not None:
            for caught in node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]:
                name = program.meaning(dotted(caught), module, function.scope)
                last = (name or dotted(caught)).rpartition(".")[2]
                yield _Place("handler", last, program.order(name) if name else (), caught.lineno)
        elif isinstance(node, ast.Attribute) and id(node) not in callees and not isinstance(node.ctx, ast.Del):
            kind: Kind = "get" if isinstance(node.ctx, ast.Load) else "set"
            yield _named(program, module, function, kind, node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
            yield _named(program, module, function, "get", node.target)


def _is_callee(node: ast.expr, function: SourceFunction) -> TypeGuard[ast.Name]:
    """Say whether it is a name by which a call is known: what a local variable holds has none."""
    return isinstance(node, ast.Name) and not is_local(node.id, function.scope)


def _named(
    program: Program, module: SourceModule, function: SourceFunction, kind: Kind, node: ast.Name | ast.Attribute
) -> _Place:
    line = node.end_lineno or node.lineno  # that of the name itself, at the end of a chain over several lines
    written = dotted(node) if _is_plain(node) else ""
    name = program.meaning(written, module, function.scope)
    owner, _, last = name.rpartition(".")
    if not owner:
        return _Place(kind, node.attr if isinstance(node, ast.Attribute) else node.id, (), line)
    if owner in program.classes:
        return _Place(kind, last, program.order(owner), line)
    front = written.rpartition(".")[0]
    where = program.meaning(front, module, function.scope) if front else module.name
    return _Place(kind, last, tuple(dict.fromkeys((owner, where))), line)


def _is_plain(node: ast.AST) -> bool:
    """Say whether an expression is a dotted name and nothing else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _annotation(node: ast.expr | None) -> str | None:
    if node is None:
        return None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _flags(node: FunctionNode) -> CoKind:
    yields = any(isinstance(one, ast.Yield | ast.YieldFrom) for one in own_nodes(node))
    if isinstance(node, ast.AsyncFunctionDef):
        return "async_generator" if yields else "coroutine"
    return "generator" if yields else "plain"
