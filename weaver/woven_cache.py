"""Woven code made at build time: what is kept, and when it may be trusted.

A woven code object is kept as the parts in which it differs from the original: instructions, tables, and behind the
original's constants and names the placeholders of the advice. Loading puts the present advice in their place and the
parts into the present original, so that nothing of the original is ever read from a file.

A file is trusted only when everything it was made from is the same now: the source file, the original code object,
pointcut and location, the Python and the weaver. Masks and on/off are not in it. ``load`` never raises and never
guesses: it returns code or a reason.

Shape: one file per function and monitor, ``<directory>/<cache tag>/<module>/<name>.woven``: ``HEADER``, the SHA-256 of
the rest, the rest: marshalled ``[Python's magic number, [key...], {shape of the advice: [instructions, location table,
exception table, stack size, further constants, further names]}]``.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any, cast

from weaver.shadow import Shadow
from weaver.swap import Weave
from weaver.weaving import Advice, Guard, weave
from weaver.weaving.guard import same

HEADER = b"woven 1\n"
SUFFIX = ".woven"

_DIGEST_BYTES = 32
_PARTS = {
    "gate": "weaver:gate",
    "get": "weaver:get",
    "enter": "weaver:enter",
    "exit": "weaver:exit",
    "throw": "weaver:throw",
}
_SLOT = "weaver:slot"  # no name of any program: it is not an identifier


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found: the woven code, or the reason why there is none."""

    code: CodeType | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Why a function is woven: a pointcut's text and a monitor's location."""

    pointcut: str
    location: str


class WovenCache:
    """The woven code below one directory, for this Python."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / cache_tag()
        self.reasons: dict[str, int] = {}
        self._sources: dict[str, str] = {}

    def store(self, shadow: Shadow, code: CodeType, selection: Selection) -> Path:
        """Weave a function's original code and keep the result; return its file.

        Errors: ValueError for code that cannot be woven; OSError.
        """
        kept = {name: _parts(code, weave(code, advice)) for name, advice in _placeholders().items()}
        data = marshal.dumps([MAGIC_NUMBER, self._key(shadow, code, selection), kept])
        path = self.path_of(shadow, selection)
        path.parent.mkdir(parents=True, exist_ok=True)
        # whole or not at all: another process may be reading
        half = path.with_name(f"{path.name}.{os.getpid()}")
        half.write_bytes(HEADER + sha256(data).digest() + data)
        half.replace(path)
        return path

    def load(self, shadow: Shadow, code: CodeType, selection: Selection, advice: Advice) -> Loaded:
        """Return a function's woven code with this advice in it, when what is kept is sound and fresh."""
        try:
            found = self._load(shadow, code, selection, advice)
        except OSError as error:
            return self._count(Loaded(None, f"unreadable: {error.strerror}"))
        except Exception as error:  # noqa: BLE001  whatever is in the file, the program goes on with what it weaves itself
            return self._count(Loaded(None, f"damaged: {error!r}"))
        return self._count(found)

    def weaver(self, shadow: Shadow, selections: Iterable[Selection]) -> Weave:
        """Return a function for ``weave_shadow`` that takes kept code for the first selection that has any."""
        candidates = tuple(selections)

        def woven(code: CodeType, advice: Advice) -> CodeType:
            for selection in candidates:
                found = self.load(shadow, code, selection, advice)
                if found.code is not None:
                    return found.code
            return weave(code, advice)

        return woven

    def path_of(self, shadow: Shadow, selection: Selection) -> Path:
        """Return the file of a function's woven code."""
        name = re.sub(r"[^\w.]", "_", shadow.qualname)[:80]
        mark = _mark(shadow.qualname, selection.pointcut, selection.location)[:16]
        return self.directory / shadow.module / f"{name}-{mark}{SUFFIX}"

    def _load(self, shadow: Shadow, code: CodeType, selection: Selection, advice: Advice) -> Loaded:
        path = self.path_of(shadow, selection)
        if not path.exists():
            return Loaded(None, "missing")
        content = path.read_bytes()
        start = len(HEADER) + _DIGEST_BYTES
        data = content[start:]
        if content[:start] != HEADER + sha256(data).digest():
            return Loaded(None, "damaged: not what was written")
        magic, key, kept = marshal.loads(data)  # noqa: S302  the digest says that we wrote it
        if magic != MAGIC_NUMBER:
            return Loaded(None, "foreign Python")
        now = self._key(shadow, code, selection)
        if key != now:
            changed = [name for name, was, is_ in zip(_KEY, key, now, strict=True) if was != is_]
            return Loaded(None, f"stale: another {changed[0]}")
        parts = kept.get(_shape(advice))
        if parts is None:
            return Loaded(None, "not kept for this kind of advice")
        return Loaded(_assemble(code, parts, advice))

    def _key(self, shadow: Shadow, code: CodeType, selection: Selection) -> list[str]:
        source = self._sources.get(shadow.filename)
        if source is None:
            source = self._sources[shadow.filename] = sha256(Path(shadow.filename).read_bytes()).hexdigest()
        return [
            weaver_version(),
            source,
            _code_hash(code),
            shadow.module,
            shadow.qualname,
            selection.pointcut,
            selection.location,
        ]

    def _count(self, loaded: Loaded) -> Loaded:
        reason = loaded.reason.partition(":")[0] or "loaded"
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        return loaded


_KEY = ("weaver", "source", "code", "module", "function", "pointcut", "location")


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
        _version.append(sha256(b"\0".join(sources)).hexdigest())
    return _version[0]


_version: list[str] = []


def _mark(*texts: str) -> str:
    return sha256(repr(texts).encode()).hexdigest()


def _placeholders() -> dict[str, Advice]:
    """Return the advice that stands in for the real one, for each shape of advice that is kept."""
    marks = cast("Any", _PARTS)
    guard = Guard(marks["gate"], marks["get"], _SLOT)
    kinds = [
        Advice(marks["enter"], marks["exit"], marks["throw"], guard),
        Advice(marks["enter"], marks["exit"], marks["throw"]),
        Advice(marks["enter"], guard=guard),
        Advice(marks["enter"]),
    ]
    return {_shape(advice): advice for advice in kinds}


def _shape(advice: Advice) -> str:
    guard = advice.guard
    parts = {"exit": advice.exit, "throw": advice.throw, "guard": guard, "gate": None if guard is None else guard.gate}
    return " ".join(["enter", *(name for name, value in parts.items() if value is not None)])


def _parts(original: CodeType, woven: CodeType) -> list[object]:
    return [
        woven.co_code,
        woven.co_linetable,
        woven.co_exceptiontable,
        woven.co_stacksize,
        list(woven.co_consts[len(original.co_consts) :]),
        list(woven.co_names[len(original.co_names) :]),
    ]


def _assemble(original: CodeType, parts: list[Any], advice: Advice) -> CodeType:
    """Put kept parts into the original code object, and the advice in the place of its placeholders."""
    instructions, locations, exceptions, depth, constants, names = parts
    guard = advice.guard
    live: dict[str, object] = {
        _PARTS["enter"]: advice.enter,
        _PARTS["exit"]: advice.exit or same,
        _PARTS["throw"]: advice.throw,
    }
    if guard is not None:
        live |= {_PARTS["gate"]: guard.gate, _PARTS["get"]: guard.get}
    slot = "" if guard is None else guard.slot
    return original.replace(
        co_code=instructions,
        co_linetable=locations,
        co_exceptiontable=exceptions,
        co_stacksize=depth,
        co_consts=(*original.co_consts, *(live[constant] for constant in constants)),
        co_names=(*original.co_names, *(slot if name == _SLOT else name for name in names)),
    )


def _code_hash(code: CodeType) -> str:
    """Return a hash of all in a code object that its woven form is made from; constants only by number."""
    plain = (
        code.co_code,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_flags, code.co_stacksize, code.co_firstlineno, len(code.co_consts)),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
    )
    return sha256(repr(plain).encode()).hexdigest()
