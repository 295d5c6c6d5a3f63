"""The files of woven code: where they lie, what is in them, and when they may be trusted.

A file is trusted only when everything it was made from is the same now: the source file, the Python and the weaver.
``read_file`` never guesses: it returns what is in the file, or a reason. What belongs to single functions is decoded
only when somebody asks.

Checksums find damage, not malice: whoever may write these files may write the modules themselves.

Shape: one file a module, ``<directory>/<cache tag>/<module>.woven``: ``HEADER``, the CRC-32 of the head in 4 bytes, the
length of the head in 8, the head, the functions. The head is marshalled ``[Python's magic number, weaver, hash of the
source, [[pointcut, location]...], rows of ``early_code``, whether there are functions that are not in the source,
CRC-32 of the functions]``. The functions are marshalled ``{function: [key of the code, [[pointcut, location]...],
{shape of the advice: marshalled parts}]}``. The directory is ``build/woven`` of the working directory, else ``_woven``
in the module's top-level package (an installed wheel).
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Sequence
from importlib.util import MAGIC_NUMBER, source_hash
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

HEADER = b"woven 4\n"
SUFFIX = ".woven"
PACKAGED = "_woven"
"""Folder of a package that carries its woven code."""

BUILT = Path("build", "woven")
"""Where a build in a checkout puts what it makes, below the working directory."""

_CHECKSUM_BYTES = 4
_LENGTH_BYTES = 8
_MOST_BYTES = 1 << 30
"""No head is longer; a damaged length must not ask for more memory than there is."""


class Selection(NamedTuple):
    """Why a function is woven: a pointcut's text and a monitor's location."""

    pointcut: str
    location: str


class EarlyCode(NamedTuple):
    """What is woven before a module's body runs.

    Shape: ``selections`` are all that the build had, by their numbers in ``rows``; ``has_others`` says that they select
    functions, too, which are not in the source.
    """

    selections: Sequence[Selection] = ()
    rows: Sequence[Any] = ()
    has_others: bool = False


class WovenFile:
    """A file that may be trusted."""

    def __init__(self, early: EarlyCode, path: str, end: int, checksum: int) -> None:
        self.early = early
        self._path = path
        self._end = end
        self._checksum = checksum
        self._found: dict[str, list[Any]] | None = None

    def functions(self) -> dict[str, list[Any]] | str:
        """Return what is kept of each function, or why it is not taken.

        Errors: OSError; others for content that only looks right.
        """
        if self._found is None:
            content = Path(self._path).read_bytes()[self._end :]
            if crc32(content) != self._checksum:
                return DAMAGED
            self._found = marshal.loads(content)  # noqa: S302  the checksum says that it is what we wrote
        return self._found


DAMAGED = "damaged: not what was written"


def write_file(path: Path, filename: str, early: EarlyCode, functions: dict[str, list[Any]]) -> None:
    """Write a file, whole or not at all: another process may be reading.

    Errors: OSError.
    """
    behind = marshal.dumps(functions)
    selections = [list(one) for one in early.selections]
    made_from = [MAGIC_NUMBER, weaver_version(), _source_hash(filename)]
    head = marshal.dumps([*made_from, selections, tuple(early.rows), early.has_others, crc32(behind)])
    content = HEADER + checksum_of(head) + len(head).to_bytes(_LENGTH_BYTES, "big") + head + behind
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)


def read_file(path: str, filename: str) -> WovenFile | str:
    """Read the file of a module with that source, or return why it is not trusted.

    Errors: OSError; others for content that only looks right.
    """
    with FileIO(path) as file:
        front = file.read(len(HEADER) + _CHECKSUM_BYTES)
        length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
        head = file.read(min(length, _MOST_BYTES))
        end = file.tell()
    if front != HEADER + checksum_of(head):
        return DAMAGED
    magic, weaver, source, selections, rows, has_others, checksum = marshal.loads(head)  # noqa: S302  as above
    if magic != MAGIC_NUMBER:
        return "foreign Python"
    if weaver != weaver_version():
        return "stale: another weaver"
    if source != _source_hash(filename):
        return "stale: another source"
    return WovenFile(EarlyCode([Selection(*one) for one in selections], rows, has_others), path, end, checksum)


def checksum_of(head: bytes) -> bytes:
    """Return what stands before a head."""
    return crc32(head).to_bytes(_CHECKSUM_BYTES, "big")


def path_in(directory: Path, module: str) -> Path:
    """Return the file of a module's woven code below a directory."""
    return directory / cache_tag() / f"{module}{SUFFIX}"


def packaged(module: str, filename: str) -> tuple[Path, ...]:
    """Return where the top-level package of a module carries its woven code; nothing for a module without a package."""
    depth = module.count(".") + (Path(filename).stem == "__init__")
    parents = Path(filename).parents
    return (parents[depth - 1] / PACKAGED,) if 0 < depth <= len(parents) else ()


def cache_tag() -> str:
    """Return the name of the folder for this Python and its optimisation."""
    optimize = f".opt-{sys.flags.optimize}" if sys.flags.optimize else ""
    return f"{sys.implementation.cache_tag}{optimize}"


def weaver_version() -> str:
    """Return a mark of the weaving engine: a hash of its source, so that no change of it can be forgotten.

    Errors: OSError when the source is not there; then nothing is kept or trusted.
    """
    if not _version:
        folder = Path(__file__).with_name("weaving")
        sources = [path.read_bytes() for path in sorted(folder.glob("*.py"))]
        if not sources:
            raise FileNotFoundError(2, "the weaving engine has no source files", str(folder))
        _version.append(source_hash(b"\0".join(sources)).hex())
    return _version[0]


_version: list[str] = []


def _source_hash(filename: str) -> bytes:
    with FileIO(filename) as file:  # without a buffer: it is read at once
        return source_hash(file.readall())
