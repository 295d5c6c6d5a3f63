"""The import hook: tells of modules when their body has run. It changes no loader for good and never breaks an import.

The finder stands first on ``sys.meta_path``, asks the others, and stands a loader of its own before the one they found.
That one steps aside before the module's body runs, so no module ever sees it in its ``__loader__`` or ``__spec__``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class Handle:
    """What ``install`` returns."""

    def __init__(self, finder: MetaPathFinder) -> None:
        self._finder = finder

    def uninstall(self) -> None:
        """Take the hook out; a second time does nothing."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self._finder]


def install(on_module: Callable[[ModuleType], None], prefixes: Sequence[str]) -> Handle:
    """Call ``on_module`` with every module from now on whose name lies under one of the prefixes.

    Errors: what ``on_module`` raises is logged; the import goes on.
    """
    finder = _Finder(on_module, tuple(prefixes))
    sys.meta_path.insert(0, finder)
    return Handle(finder)


class _Finder(MetaPathFinder):
    def __init__(self, on_module: Callable[[ModuleType], None], prefixes: tuple[str, ...]) -> None:
        self._on_module = on_module
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
            spec.loader = _Loader(spec.loader, self._on_module)
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

    def __init__(self, loader: Loader, on_module: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._on_module = on_module

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
        self._loader.exec_module(module)
        try:
            self._on_module(module)
        except Exception:
            import logging  # not above: it imports threading, and gevent may not have patched yet

            logging.getLogger(__name__).exception("%s could not be looked at for weaving", module.__name__)
