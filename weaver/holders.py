"""Which functions run a code object: asked of the garbage collector, which knows who refers to what.

After ``gc.freeze()`` it sees nothing of what lived before. So what is frozen is thawed for a search and frozen again,
but only when it has to be: the garbage of the moment is frozen too. What a search finds is remembered, weakly.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from weakref import WeakSet, ref


class _Memory:
    """What earlier searches found.

    Shape: ``searched`` are the code objects whose holders are all in ``functions`` or younger than the last freeze. The
    garbage collector sees ``young`` until something is frozen; it is found by what it holds, ``mark``.
    """

    def __init__(self) -> None:
        self.functions: WeakSet[FunctionType] = WeakSet()
        self.searched: dict[int, ref[CodeType]] = {}
        self.mark = object()
        self.young = [self.mark]

    def remember(self, code: CodeType, functions: Iterable[FunctionType]) -> None:
        identity = id(code)
        self.searched[identity] = ref(code, lambda _: self.searched.pop(identity, None))
        self.functions.update(functions)

    def codes(self) -> list[CodeType]:
        return [code for code in (one() for one in list(self.searched.values())) if code is not None]

    def begin_anew(self) -> None:
        self.mark = object()
        self.young = [self.mark]


_memory = _Memory()


_AT_START = gc.get_freeze_count()
"""CPython 3.12 starts with a few hundred objects frozen, none of which is a function of the program."""


def is_frozen() -> bool:
    """Say whether the program has frozen objects."""
    return gc.get_freeze_count() > (_AT_START if _AT_START < 1_000 else 0)


@contextmanager
def thawed() -> Iterator[None]:
    """Let the garbage collector see what is frozen."""
    was_frozen = is_frozen()
    if was_frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if was_frozen:
            gc.freeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects of which none is garbage, without the garbage collector looking at them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def holders_of(codes: Iterable[CodeType]) -> dict[int, list[FunctionType]]:
    """Return the live functions that run each of some code objects, by the code's identity; walks all objects, once."""
    wanted = {id(code): code for code in codes}
    if not wanted:
        return {}
    referrers = gc.get_referrers(_memory.mark, *wanted.values())
    searched = wanted
    if is_frozen() and _is_blind(referrers, wanted):
        searched = wanted | {id(code): code for code in _memory.codes()}  # what is young now will be frozen
        with thawed():
            referrers = gc.get_referrers(*searched.values())
        _memory.begin_anew()
    holders: dict[int, list[FunctionType]] = {identity: [] for identity in searched}
    for function in {id(one): one for one in (*referrers, *_memory.functions) if type(one) is FunctionType}.values():
        if id(function.__code__) in searched:
            holders[id(function.__code__)].append(function)
    for identity, functions in holders.items():
        _memory.remember(searched[identity], functions)
    return holders


def _is_blind(referrers: list[object], wanted: dict[int, CodeType]) -> bool:
    """Say whether holders may be frozen that no earlier search has found."""
    frozen_since = not any(one is _memory.young for one in referrers)
    return frozen_since or not wanted.keys() <= _memory.searched.keys()


def remember(code: CodeType, functions: Iterable[FunctionType]) -> None:
    """Note that these functions run a code object from now on, one that was made just now."""
    _memory.remember(code, functions)
