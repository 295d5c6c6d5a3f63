"""The import hook: tells of modules when their body has run; changes no loader for good, never breaks an import."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

log = logging.getLogger(__name__)


class Handle:
    """What ``install`` returns."""

    def __init__(self, finder: MetaPathFinder) -> None:
        self._finder = finder

    def uninstall(self) -> None:
        """Take the hook out."""
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)


def install(on_module: Callable[[ModuleType], None], prefixes: Sequence[str]) -> Handle:
    """Call ``on_module`` with every module from now on whose name lies under one of the prefixes."""
    finder = _Finder(on_module, tuple(prefixes))
    sys.meta_path.insert(0, finder)
    return Handle(finder)


class _Finder(MetaPathFinder):
    def __init__(self, on_module: Callable[[ModuleType], None], prefixes: tuple[str, ...]) -> None:
        self._on_module = on_module
        self._prefixes = prefixes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the module by the other finders and have its loader tell when it has run."""
        if not any(fullname == prefix or fullname.startswith(prefix + ".") for prefix in self._prefixes):
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._on_module)
                return spec
        return None


class _Loader(Loader):
    """Stands in for a loader until the module has run, then steps aside."""

    def __init__(self, loader: Loader, on_module: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._on_module = on_module

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as the real loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with its real loader in place, then tell."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            self._on_module(module)
        except Exception:
            log.exception("%s could not be looked at for weaving", module.__name__)
