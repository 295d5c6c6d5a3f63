"""Where the source files of packages lie; nothing is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A module and its file."""

    module: str
    path: Path


def find_sources(what: str, search: Sequence[str] | None = None, exclude: Sequence[str] = ()) -> list[SourceFile]:
    """Return the files of a package or module by its dotted name, or of a folder or file by its path.

    Shape: ``search`` are the folders in which packages are looked for; ``exclude`` are modules that are left out with
    all below them.
    Errors: LookupError when there is nothing of that name.
    """
    folders = [Path(folder or ".") for folder in (["", *sys.path] if search is None else search)]
    found = _by_name(what, folders) if all(part.isidentifier() for part in what.split(".")) else None
    if found is None:
        found = _by_path(Path(what))
    return [one for one in found if not _is_below(one.module, exclude)]


def _by_name(name: str, folders: Sequence[Path]) -> list[SourceFile] | None:
    below = Path(*name.split("."))
    for folder in folders:
        path = folder / below
        if (path / "__init__.py").is_file():
            return list(_in_folder(path, name))
        if path.with_suffix(".py").is_file():
            return [SourceFile(name, path.with_suffix(".py"))]
    for folder in folders:
        found = list(_in_folder(folder / below, name)) if (folder / below).is_dir() else []
        if found:
            return found
    return None


def _by_path(path: Path) -> list[SourceFile]:
    if path.is_dir():
        return list(_in_folder(path, _module_of(path)))
    if path.is_file():
        return [SourceFile(_module_of(path.with_suffix("")), path)]
    raise LookupError(f"there is no package, module, folder or file {str(path)!r}")


def _module_of(path: Path) -> str:
    """Return the dotted name of a folder or of a file without its suffix; empty for a folder that is no package."""
    path = path.resolve()
    if path.is_dir() and not (path / "__init__.py").is_file():
        return ""
    names = [] if path.name == "__init__" else [path.name]
    for parent in path.parents:
        if not (parent / "__init__.py").is_file():
            break
        names.append(parent.name)
    return ".".join(reversed(names))


def _in_folder(folder: Path, package: str) -> Iterator[SourceFile]:
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name.isidentifier() and name != "__pycache__")
        parts = [package] if package else []
        parts += Path(current).relative_to(folder).parts
        for name in sorted(files):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, no path
            if suffix == ".py":
                yield SourceFile(".".join(parts if stem == "__init__" else [*parts, stem]), Path(current, name))


def _is_below(module: str, packages: Sequence[str]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)
