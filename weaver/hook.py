"""The import hook: tells of modules when their body has run. It changes no loader for good and never breaks an import.

The finder stands first on ``sys.meta_path``, asks the others, and stands a loader of its own before the one they found.
That one steps aside before the module's body runs, so no module ever sees it in its ``__loader__`` or ``__spec__``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

from weaver.log import Log

log = Log(__name__)

OnModule = Callable[[ModuleType], None]
OnCode = Callable[[ModuleType, CodeType], CodeType]
"""Gets a module and the code of its body before that runs; returns the code to run."""


class Handle:
    """What ``install`` returns."""

    def __init__(self, finder: MetaPathFinder) -> None:
        self._finder = finder

    def uninstall(self) -> None:
        """Take the hook out; a second time does nothing."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self._finder]


def install(on_module: OnModule, prefixes: Sequence[str], on_code: OnCode | None = None) -> Handle:
    """Call ``on_module`` with every module from now on whose name lies under one of the prefixes.

    Shape: ``on_code`` is asked before the body runs, of modules that Python's own loader reads from source.
    Errors: what the two raise is logged; the import goes on.
    """
    finder = _Finder(on_module, tuple(prefixes), on_code)
    sys.meta_path.insert(0, finder)
    return Handle(finder)


class _Finder(MetaPathFinder):
    def __init__(self, on_module: OnModule, prefixes: tuple[str, ...], on_code: OnCode | None) -> None:
        self._on_module = on_module
        self._on_code = on_code
        self._prefixes = prefixes
        self._finding: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module by the other finders and have its loader tell when it has run."""
        if not any(fullname == prefix or fullname.startswith(prefix + ".") for prefix in self._prefixes):
            return None
        if fullname in self._finding:
            return None  # another finder asks all finders itself
        self._finding.add(fullname)
        try:
            spec = self._find(fullname, path, target)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self._on_module, self._on_code)
        return spec

    def _find(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find_spec = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class _Loader(Loader):
    """Stands in for a loader until the module runs, then steps aside."""

    def __init__(self, loader: Loader, on_module: OnModule, on_code: OnCode | None) -> None:
        self._loader = loader
        self._on_module = on_module
        self._on_code = on_code

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class of the real loader, for a spec that is looked at and not run (``importlib.util.find_spec``)."""
        return type(self._loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as the real loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with its real loader in place, then tell."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        if self._on_code is None or type(self._loader) is not SourceFileLoader:
            self._loader.exec_module(module)
        else:
            self._run(module, self._loader, self._on_code)
        try:
            self._on_module(module)
        except Exception:
            log.exception("%s could not be looked at for weaving", module.__name__)

    @staticmethod
    def _run(module: ModuleType, loader: SourceFileLoader, on_code: OnCode) -> None:
        """Do what the loader does, with the code that ``on_code`` gives for the one that the loader has.

        Errors: those of the module.
        """
        code = loader.get_code(module.__name__)
        if code is None:
            raise ImportError(f"there is no code of {module.__name__}", name=module.__name__)
        try:
            code = on_code(module, code)
        except Exception:
            log.exception("%s could not be woven before its body runs", module.__name__)
        exec(code, vars(module))  # noqa: S102  this is what running a module is
