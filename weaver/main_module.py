"""Runs a module as ``__main__`` with its functions woven before they are made: its body is the program itself.

The functions are constants of the module's code, so they are found and woven there, as those inside any function are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

OnMain = Callable[[str, ModuleType, FunctionType], None]
"""Gets the name that the module has in its package, the module, and a function that stands for its body."""


def run_as_main(name: str, on_main: OnMain) -> None:
    """Run a module, or the ``__main__`` of a package, as ``python -m`` does.

    Errors: ImportError when there is none; whatever the program raises.
    """
    spec = find_main(name)
    loader: Any = spec.loader
    code = loader.get_code(spec.name)
    module = ModuleType("__main__")
    vars(module).update(
        __spec__=spec, __loader__=loader, __file__=spec.origin, __package__=spec.parent, __cached__=None
    )
    body = FunctionType(code, vars(module), "<module>")
    before, first = sys.modules["__main__"], sys.argv[0]
    sys.modules["__main__"], sys.argv[0] = module, spec.origin or name
    try:
        on_main(spec.name, module, body)
        exec(body.__code__, vars(module))  # noqa: S102  this is what running a module is
    finally:
        sys.modules["__main__"], sys.argv[0] = before, first


def find_main(name: str) -> ModuleSpec:
    """Find the module that ``run_as_main`` would run.

    Errors: ImportError when there is none.
    """
    try:
        spec = find_spec(name)
    except ValueError as error:  # no name of a module, or a module without a spec
        raise ImportError(f"{name!r} cannot be run: {error}") from error
    if spec is not None and spec.submodule_search_locations is not None:
        spec = find_spec(f"{name}.__main__")
    if spec is None or not hasattr(spec.loader, "get_code") or _is_native(spec):
        raise ImportError(f"there is no module {name} that can be run")
    return spec


def _is_native(spec: ModuleSpec) -> bool:
    """Say whether a module has no Python code to run."""
    return isinstance(spec.loader, ExtensionFileLoader) or spec.origin == "built-in"
