"""Puts woven code objects into functions and the original ones back.

The function object stays the same one, so every name, bound method and table that holds it sees the swap. The code of a
function inside another one is a constant of the outer one's: those to come get theirs from there, those alive are found
by who runs the code. Functions that share a code object are swapped together.

Everything here compares code objects by identity: two of them can be equal and still not be the same, and comparing
hashes their constants, which are the advice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from weaver import function_version
from weaver.errors import WeaveError
from weaver.holders import holders_of, remember
from weaver.shadow import Shadow
from weaver.weaving import Advice, weave
from weaver.weaving.rewrite import PlacedAdvice, rewrite

Weave = Callable[[CodeType, Advice], CodeType]
"""Makes the woven code object of an execution: ``weaver.weaving.weave``, or the woven cache's."""

Path = tuple[int, ...]
_FAULTS = (ValueError, LookupError, TypeError, OverflowError)
_OBFUSCATED = ("__pyarmor", "__armor")


class Change(NamedTuple):
    """Advice for a shadow, in place of what was there; None takes it out."""

    shadow: Shadow
    advice: Advice | None
    weave: Weave | None = None


def weave_shadow(shadow: Shadow, advice: Advice | None, woven: Weave | None = None) -> None:
    """Weave advice into one shadow, as ``weave_shadows`` does.

    Errors: WeaveError.
    """
    for error in weave_shadows([Change(shadow, advice, woven)]).values():
        raise error


def weave_shadows(changes: Iterable[Change]) -> dict[Shadow, WeaveError]:
    """Apply changes; where nothing is left, the original code object is back.

    Shape: what could not be done, and why. Such a shadow stays as it is; so do all of a function into which somebody
    else has put another code object meanwhile. Of a function that was made with woven code all changes come at once.
    """
    errors: dict[Shadow, WeaveError] = {}
    swaps: list[_Swap] = []
    for function, wanted in _by_function(changes, errors):
        state = _states.get(function) or _State(original_code(function))
        if is_early(function):
            state.take_over((), state.original, function.__code__)
        if function.__code__ is not state.current and function.__code__ is not state.original:
            reason = "another tool has replaced its code; it is left alone"
            errors |= {one.shadow: _refusal(one.shadow, reason) for one in wanted}
            continue
        errors |= state.change(wanted)
        swaps += state.swaps(function)
    _swap(swaps)
    return errors


def is_woven(function: FunctionType) -> bool:
    """Say whether the function runs woven code now."""
    return id(function.__code__) in _below


def is_early(function: FunctionType) -> bool:
    """Say whether the function, or one inside it, still runs the woven code that it was made with."""
    found = _below.get(id(function.__code__))
    return found is not None and found.is_early


def original_code(function: FunctionType) -> CodeType:
    """Return the code object that the function had before it was woven, its present one if it is not woven."""
    found = _below.get(id(function.__code__))
    return function.__code__ if found is None else found.original


def code_at(shadow: Shadow) -> CodeType:
    """Return the original code object of a shadow: of its function, or of one inside it."""
    return _inside(original_code(shadow.function), shadow.path)


def _inside(code: CodeType, path: Path) -> CodeType:
    for place in path:
        code = code.co_consts[place]
    return code


class Below(ref[CodeType]):
    """What lies below a woven code object that lives, and whether functions were made with it: one object for all.

    Shape: ``advice`` is for what the advice of early code finds out; it is not there before.
    """

    __slots__ = ("advice", "identity", "is_early", "original")

    advice: Any
    identity: int
    is_early: bool
    original: CodeType


_below: dict[int, Below] = {}
"""By the identity of the woven code object."""


def _gone(laid: Below) -> None:
    _below.pop(laid.identity, None)


def below(code: CodeType) -> Below | None:
    """Return what lies below a woven code object, None of any other."""
    return _below.get(id(code))


def lay_early(woven: CodeType, original: CodeType) -> None:
    """Note what lies below code that functions will be made with; they are woven as soon as they are there."""
    _lay(woven, original, is_early=True)


def _lay(woven: CodeType, original: CodeType, *, is_early: bool = False) -> None:
    laid = Below(woven, _gone)
    laid.identity, laid.original, laid.is_early = id(woven), original, is_early
    _below[laid.identity] = laid


def _refusal(shadow: Shadow, reason: str) -> WeaveError:
    return WeaveError(shadow.module, shadow.id.partition(":")[2], reason)


def _by_function(
    changes: Iterable[Change], errors: dict[Shadow, WeaveError]
) -> Iterable[tuple[FunctionType, list[Change]]]:
    found: dict[int, tuple[FunctionType, list[Change]]] = {}
    for change in changes:
        if change.shadow.obstacle:
            errors[change.shadow] = _refusal(change.shadow, change.shadow.obstacle)
        elif change.shadow.is_alive:
            function = change.shadow.function
            found.setdefault(id(function), (function, []))[1].append(change)
    return found.values()


@dataclass(frozen=True, slots=True)
class _Swap:
    """One code object that takes the place of others.

    Shape: ``function`` is known to run one of the old ones; there are none of these when nobody else can do so.
    """

    state: _State
    function: FunctionType | None
    old: Sequence[CodeType]
    new: CodeType


class _State:
    """What is woven into one function, and into those inside it.

    Shape: ``parts`` are the changes in force, by path, then by kind and offset; ``woven`` the code objects that are in
    force, where they are not the original ones; ``generations`` those of before that somebody may still run.
    """

    def __init__(self, original: CodeType) -> None:
        self.original = original
        self.woven: dict[Path, CodeType] = {}
        self._parts: dict[Path, dict[tuple[str, int, str], Change]] = {}
        self._generations: dict[Path, list[ref[CodeType]]] = {}
        self._made: dict[Path, tuple[list[object], CodeType]] = {}
        self._changed: set[Path] = set()

    @property
    def current(self) -> CodeType:
        """The code object that the function runs."""
        return self.woven.get((), self.original)

    def change(self, changes: Sequence[Change]) -> dict[Shadow, WeaveError]:
        """Make the code objects that the changes ask for; return what could not be made."""
        before = {path: dict(part) for path, part in self._parts.items()}
        for change in changes:
            self._put(change)
        errors: dict[Shadow, WeaveError] = {}
        made: dict[Path, CodeType] = {}
        try:
            self._make((), self.original, made)
        except _FAULTS:
            self._parts = before
            tried = {change.shadow: self._try(change) for change in changes}
            errors = {shadow: error for shadow, error in tried.items() if error is not None}
            made = {}
            self._make((), self.original, made)
        self._changed = {path for path in (*made, *self.woven) if made.get(path) is not self.woven.get(path)}
        self.woven = made
        return errors

    def take_over(self, path: Path, original: CodeType, woven: CodeType) -> None:
        """Take code that the function was made with for what is in force; the next changes replace all of it."""
        self.woven[path] = woven
        self._generations.setdefault(path, []).append(ref(woven))
        for place, (below, above) in enumerate(zip(original.co_consts, woven.co_consts, strict=False)):
            if below is not above:
                self.take_over((*path, place), below, above)

    def _put(self, change: Change) -> Change | None:
        """Note a change; return the one that it takes the place of."""
        shadow = change.shadow
        part = self._parts.setdefault(shadow.path, {})
        key = (shadow.kind, shadow.offset, shadow.name)
        before = part.pop(key, None)
        if change.advice is not None:
            part[key] = change
        if not part:
            del self._parts[shadow.path]
        return before

    def _try(self, change: Change) -> WeaveError | None:
        """Note a change if the code can be made with it."""
        shadow = change.shadow
        before = self._put(change)
        try:
            self._weave(shadow.path, _inside(self.original, shadow.path), [])
        except _FAULTS as error:
            self._put(change._replace(advice=None) if before is None else before)
            return _refusal(shadow, str(error))
        return None

    def swaps(self, function: FunctionType) -> list[_Swap]:
        """Return the swaps that put the code objects in force."""
        found: list[_Swap] = []
        for path in self._changed:
            original = _inside(self.original, path)
            new = self.woven.get(path, original)
            if not path and "<locals>" not in function.__qualname__:
                found.append(_Swap(self, function, (), new))  # nobody else runs its code
                continue
            known = self._generations.setdefault(path, [])
            old = [code for code in (original, *(one() for one in known)) if code is not None and code is not new]
            known[:] = [one for one in known if one() is not None and one() is not new]
            if new is not original:
                known.append(ref(new))
            found.append(_Swap(self, None if path else function, old, new))
        return found

    def _make(self, path: Path, code: CodeType, made: dict[Path, CodeType]) -> CodeType:
        """Make the code at a path, with the codes inside it; note in ``made`` what differs from the original."""
        deeper = {below[len(path)] for below in self._parts if len(below) > len(path) and below[: len(path)] == path}
        if not deeper and path not in self._parts:
            return code
        inside = {place: self._make((*path, place), code.co_consts[place], made) for place in deeper}
        made[path] = self._weave(path, code, [(place, inside[place]) for place in sorted(inside)])
        return made[path]

    def _weave(self, path: Path, original: CodeType, inside: list[tuple[int, CodeType]]) -> CodeType:
        """Weave one code object; the one made last is taken again when nothing has changed."""
        part = list(self._parts.get(path, {}).values())
        ingredients: list[object] = [*(one for _, one in inside), *(change.advice for change in part)]
        last = self._made.get(path)
        if last is not None and len(last[0]) == len(ingredients):
            if all(one is other for one, other in zip(last[0], ingredients, strict=True)):
                return last[1]
        if any(name.startswith(_OBFUSCATED) for name in original.co_names):
            raise ValueError("its code is obfuscated")
        code = original
        if inside:
            replaced = dict(inside)
            constants = (replaced.get(place, constant) for place, constant in enumerate(code.co_consts))
            code = code.replace(co_consts=tuple(constants))
        code = rewrite(code, [_placed(change) for change in part if change.shadow.kind != "execution"])
        for change in part:
            if change.shadow.kind == "execution" and change.advice is not None:
                code = (change.weave or weave)(code, change.advice)
        if code.co_freevars != original.co_freevars:
            raise ValueError("the woven code has other free variables")
        self._made[path] = (ingredients, code)
        _lay(code, original)
        return code


def _placed(change: Change) -> PlacedAdvice:
    kind, advice = change.shadow.kind, change.advice
    assert kind != "execution"
    assert advice is not None
    return PlacedAdvice(kind, change.shadow.offset, advice)


_states: WeakKeyDictionary[FunctionType, _State] = WeakKeyDictionary()


_versions: WeakKeyDictionary[FunctionType, function_version.Version] = WeakKeyDictionary()
"""Of functions that run woven code, where versions are restored."""


def _put(function: FunctionType, code: CodeType) -> None:
    """Give a function a code object, and the version that belongs to it where versions are restored."""
    version = None if function in _versions else function_version.remember(function)
    if version is not None:
        _versions[function] = version
    function.__code__ = code
    if function not in _versions:
        return
    if function_version.restore(function, _versions[function]):
        del _versions[function]
    else:
        function_version.give(function)


def _swap(swaps: Sequence[_Swap]) -> None:
    """Put code objects into functions; who runs them is asked once for all."""
    holders = holders_of(code for swap in swaps for code in swap.old)
    for swap in swaps:
        functions: list[FunctionType] = [] if swap.function is None else [swap.function]
        for code in swap.old:
            functions += [one for one in holders[id(code)] if one is not swap.function]
        for one in functions:
            _put(one, swap.new)
            if swap.function is not None:
                _states[one] = swap.state
        if swap.old:
            remember(swap.new, functions)
