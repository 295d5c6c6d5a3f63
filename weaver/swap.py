"""Puts woven code objects into functions and the original ones back.

The function object stays the same one, so every name, bound method and table that holds it sees the swap. Functions
that share a code object (closures of one ``def``, copies) are swapped together.

Everything here compares code objects by identity: two of them can be equal and still not be the same, and comparing
hashes their constants, which are the advice.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import CodeType, FunctionType
from weakref import WeakKeyDictionary

from weaver.errors import WeaveError
from weaver.shadow import Shadow
from weaver.weaving import Advice, weave

Weave = Callable[[CodeType, Advice], CodeType]
"""Makes the woven code object: ``weaver.weaving.weave``, or the woven cache's."""


class _Swapped:
    __slots__ = ("original", "woven")

    def __init__(self, original: CodeType, woven: CodeType) -> None:
        self.original = original
        self.woven = woven


_swapped: WeakKeyDictionary[FunctionType, _Swapped] = WeakKeyDictionary()


def weave_shadow(shadow: Shadow, advice: Advice | None, woven: Weave | None = None) -> None:
    """Weave advice into a function, in place of what was there; None puts the original code object back.

    Errors: WeaveError when the code cannot be woven, or when somebody else has put another code object in meanwhile;
    then the function stays as it is.
    """
    function = shadow.function
    state = _swapped.get(function)
    if state is not None and function.__code__ is state.original:
        state = None  # put back by another shadow of the same code, or by hand
    if state is not None and function.__code__ is not state.woven:
        raise WeaveError(shadow.module, shadow.qualname, "another tool has replaced its code; it is left alone")
    if advice is None:
        if state is not None:
            _swap(_holders(function, state.woven), state.original, None)
        return
    original = function.__code__ if state is None else state.original
    try:
        made = (woven or weave)(original, advice)
        if made.co_freevars != original.co_freevars:
            raise ValueError("the woven code has other free variables")
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise WeaveError(shadow.module, shadow.qualname, str(error)) from error
    holders = _holders(function, original)
    if state is not None:
        holders += [one for one in _holders(function, state.woven) if one not in holders]
    _swap(holders, made, original)


def is_woven(function: FunctionType) -> bool:
    """Say whether the function runs woven code now."""
    state = _swapped.get(function)
    return state is not None and function.__code__ is state.woven


def original_code(function: FunctionType) -> CodeType:
    """Return the code object that the function had before it was woven, its present one if it is not woven."""
    state = _swapped.get(function)
    return state.original if state is not None and function.__code__ is state.woven else function.__code__


def _swap(functions: list[FunctionType], code: CodeType, original: CodeType | None) -> None:
    """Put a code object into functions; ``original`` is what lies below a woven one, None when nothing does."""
    for one in functions:
        one.__code__ = code
        if original is None:
            _swapped.pop(one, None)
        else:
            _swapped[one] = _Swapped(original, code)


def _holders(function: FunctionType, code: CodeType) -> list[FunctionType]:
    """Return the function and its live siblings that share the code object.

    The search costs a walk over all objects, so it is made only for functions that were made inside another one: a
    ``def`` of a module or class runs once.
    """
    if "<locals>" not in function.__qualname__:
        return [function]
    siblings = [one for one in gc.get_referrers(code) if isinstance(one, FunctionType) and one.__code__ is code]
    return [function, *(one for one in siblings if one is not function)]
