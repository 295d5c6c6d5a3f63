"""Puts woven code objects into functions and the original ones back.

The function object stays the same one, so every name, bound method and table that holds it sees the swap. Functions
that share a code object (closures of one ``def``) are swapped together.
"""

from __future__ import annotations

import gc
from types import CodeType, FunctionType
from weakref import WeakKeyDictionary

from weaver.errors import WeaveError
from weaver.shadow import Shadow
from weaver.weaving import Advice, weave


class _Swapped:
    __slots__ = ("original", "woven")

    def __init__(self, original: CodeType, woven: CodeType) -> None:
        self.original = original
        self.woven = woven


_swapped: WeakKeyDictionary[FunctionType, _Swapped] = WeakKeyDictionary()


def weave_shadow(shadow: Shadow, advice: Advice | None) -> None:
    """Weave advice into a function, in place of what was there; None puts the original code object back.

    Errors: WeaveError when the code cannot be woven, or when somebody else has put another code object in meanwhile.
    """
    function = shadow.function
    state = _swapped.get(function)
    original = function.__code__ if state is None else state.original
    if state is not None and function.__code__ not in {state.woven, state.original}:
        raise WeaveError(shadow.module, shadow.qualname, "another tool has replaced its code; it is left alone")
    if advice is None:
        if state is not None:
            for one in _holders(function, state.woven):
                one.__code__ = original
                _swapped.pop(one, None)
        return
    try:
        woven = weave(original, advice)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise WeaveError(shadow.module, shadow.qualname, str(error)) from error
    for one in _holders(function, function.__code__):
        one.__code__ = woven
        _swapped[one] = _Swapped(original, woven)


def is_woven(function: FunctionType) -> bool:
    """Say whether the function runs woven code now."""
    state = _swapped.get(function)
    return state is not None and function.__code__ is state.woven


def _holders(function: FunctionType, code: CodeType) -> list[FunctionType]:
    """Return the function and its live siblings that share the code object."""
    if "<locals>" not in function.__qualname__:
        return [function]
    siblings = [f for f in gc.get_referrers(code) if isinstance(f, FunctionType) and f.__code__ is code]
    return siblings or [function]
