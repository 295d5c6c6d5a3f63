"""Woven code made at build time: what is kept of each function, and how it is taken.

A woven code object is kept as the parts in which it differs from the original: instructions, tables, and behind the
original's constants and names the placeholders of the advice. Loading puts the present advice in their place and the
parts into the present original, so that nothing of the original is ever read from a file.

A function in a trusted file (``woven_file``) is taken when its original code object, a pointcut that selects it and
that monitor's location are what they were. Masks and on/off are not in it. ``load`` never raises and never guesses: it
returns code or a reason.

Shape: the parts are ``[instructions, location table, exception table, stack size, further constants, further names]``.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, cast
from zlib import crc32

from weaver.log import Log
from weaver.shadow import Shadow
from weaver.swap import Weave
from weaver.weaving import Advice, Guard, weave
from weaver.weaving.guard import nothing, same
from weaver.woven_file import (
    BUILT,
    SUFFIX,
    EarlyCode,
    Selection,
    WovenFile,
    cache_tag,
    packaged,
    path_in,
    read_file,
    weaver_version,
    write_file,
)

log = Log(__name__)

_PARTS = {
    "gate": "weaver:gate",
    "get": "weaver:get",
    "enter": "weaver:enter",
    "exit": "weaver:exit",
    "throw": "weaver:throw",
    "next": "weaver:next",
    "passes": "weaver:passes",
}
_SLOT = "weaver:slot"  # no name of any program: it is not an identifier


class Kept(NamedTuple):
    """A function whose woven code is to be kept, with its original code and why it is woven."""

    shadow: Shadow
    code: CodeType
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found: the woven code, or the reason why there is none."""

    code: CodeType | None
    reason: str = ""


class WovenCache:
    """The woven code of every module that has any, for this Python.

    Shape: ``built`` is looked in before the module's own package; ``reasons`` counts what loading came to.
    """

    def __init__(self, built: Path = BUILT) -> None:
        self.reasons: dict[str, int] = {}
        self._built = str((built / cache_tag()).absolute())
        self._modules: dict[str, WovenFile | str] = {}
        with suppress(OSError):
            weaver_version()  # reads the weaver's source, once: where a program starts is the place for that

    def load(self, shadow: Shadow, code: CodeType, selections: Sequence[Selection], advice: Advice) -> Loaded:
        """Return a function's woven code with this advice in it, when what is kept is sound and fresh."""
        file = self._file(shadow.module, shadow.filename)
        try:
            found = _found(file, shadow, code, selections, advice)
        except Exception as error:  # noqa: BLE001  whatever is in the file, the program goes on with what it weaves itself
            found = Loaded(None, f"damaged: {error!r}")
        self.count(found.reason.partition(":")[0] or "loaded")
        return found

    def count(self, reason: str) -> None:
        """Count what came of a function, or of a module before its body ran."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def early(self, module: str, filename: str, selections: Iterable[Selection]) -> EarlyCode | None:
        """Return what can be woven before a module's body runs, now; None if the build had not all the selections."""
        self._modules.pop(module, None)
        file = self._file(module, filename)
        if isinstance(file, str) or not set(selections) <= set(file.early.selections):
            return None
        early, file.early = file.early, file.early._replace(rows=())  # the rows are needed once
        return early

    def weaver(self, shadow: Shadow, selections: Iterable[Selection]) -> Weave:
        """Return a function for ``weave_shadow`` that takes kept code, and weaves when there is none."""
        candidates = tuple(selections)

        def woven(code: CodeType, advice: Advice) -> CodeType:
            return self.load(shadow, code, candidates, advice).code or weave(code, advice)

        return woven

    def _file(self, module: str, filename: str) -> WovenFile | str:
        found = self._modules.get(module)
        if found is None:
            found = self._modules[module] = self._read(module, filename)
        return found

    def _read(self, module: str, filename: str) -> WovenFile | str:
        """Return what is kept of a module, or why nothing of it is taken."""
        found = self._try(f"{self._built}{os.sep}{module}{SUFFIX}", filename)
        for directory in packaged(module, filename) if found is None else ():
            found = self._try(str(path_in(directory, module)), filename)
        return found or "missing"

    def _try(self, path: str, filename: str) -> WovenFile | str | None:
        """Read a file; None when there is none; why it is not trusted is told once for each kind of reason."""
        try:
            found = read_file(path, filename)
        except OSError as error:
            if error.filename == path and isinstance(error, FileNotFoundError):
                return None
            found = f"unreadable: {error.strerror}"
        except Exception as error:  # noqa: BLE001  as above
            found = f"damaged: {error!r}"
        if isinstance(found, str) and found.partition(":")[0] not in self.reasons:
            log.warning("%s is not used (%s): what it holds is woven at import", path, found)
        return found


def store_module(
    directory: Path, module: str, filename: str, functions: Iterable[Kept], early: EarlyCode | None = None
) -> Path:
    """Weave functions of one module and keep the results; return the file.

    Errors: ValueError, naming the function, for code that cannot be woven; OSError.
    """
    entries: dict[str, list[Any]] = {}
    for shadow, code, selections in functions:
        try:
            kept = {name: marshal.dumps(_parts(code, weave(code, advice))) for name, advice in _placeholders().items()}
        except (ValueError, LookupError, OverflowError) as error:
            raise ValueError(f"{shadow.id}: {error}") from error
        entries[_name(shadow)] = [_key(code), [list(one) for one in selections], kept]
    path = path_in(directory, module)
    write_file(path, filename, early or EarlyCode(), entries)
    return path


def _found(
    file: WovenFile | str,
    shadow: Shadow,
    code: CodeType,
    selections: Sequence[Selection],
    advice: Advice,
) -> Loaded:
    functions = file if isinstance(file, str) else file.functions()
    if isinstance(functions, str):
        return Loaded(None, functions)
    entry = functions.get(_name(shadow))
    if entry is None:
        return Loaded(None, "missing")
    key, kept_for, shapes = entry
    if key != _key(code):
        return Loaded(None, "stale: another code")
    if not any(list(selection) in kept_for for selection in selections):
        return Loaded(None, "stale: another pointcut or location")
    parts = shapes.get(_shape(advice))
    if parts is None:
        return Loaded(None, "not kept for this kind of advice")
    return Loaded(_assemble(code, marshal.loads(parts), advice))  # noqa: S302  its digest has been seen


def _name(shadow: Shadow) -> str:
    """Return what a function is called in a file; getter and setter of a property have one qualified name."""
    return f"{shadow.qualname}:{shadow.line}"


def _placeholders() -> dict[str, Advice]:
    """Return the advice that stands in for the real one, for each shape of advice that is kept."""
    marks = cast("Any", _PARTS)
    guard = Guard(marks["gate"], marks["get"], _SLOT)
    kinds = []
    for by in (guard, None):
        kinds += [
            Advice(marks["enter"], marks["exit"], marks["throw"], by),
            Advice(marks["enter"], guard=by),
            Advice(guard=by, passes=marks["passes"]),
            Advice(marks["enter"], guard=by, passes=marks["passes"]),
            Advice(marks["enter"], marks["exit"], marks["throw"], by, passes=marks["passes"]),
            Advice(marks["enter"], marks["exit"], marks["throw"], by, False, marks["passes"]),
        ]
    return {_shape(advice): advice for advice in kinds}


def _shape(advice: Advice) -> str:
    guard = advice.guard
    parts = {
        "enter": None if advice.enter is nothing else advice.enter,
        "no arguments": None if advice.arguments else True,
        "exit": advice.exit,
        "throw": advice.throw,
        "guard": guard,
        "gate": None if guard is None else guard.gate,
        "passes": advice.passes,
    }
    return " ".join(name for name, value in parts.items() if value is not None)


def _parts(original: CodeType, woven: CodeType) -> list[object]:
    return [
        woven.co_code,
        woven.co_linetable,
        woven.co_exceptiontable,
        woven.co_stacksize,
        [_PARTS["next"] if one is next else one for one in woven.co_consts[len(original.co_consts) :]],
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
        _PARTS["next"]: next,
        _PARTS["passes"]: advice.passes,
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


def _key(code: CodeType) -> tuple[object, ...]:
    """Return all in a code object that its woven form is made from; constants only by number.

    Checksums do here: the hash of the source has ruled out all but accidents.
    """
    return (
        crc32(code.co_code),
        crc32(code.co_linetable),
        crc32(code.co_exceptiontable),
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        code.co_stacksize,
        code.co_firstlineno,
        len(code.co_consts),
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
    )
