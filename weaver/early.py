"""The advice of functions that were woven before their module's body ran.

Which monitors select such a function is known from names alone. What else advice needs, the shadow above all, is looked
for in the first pass that the guard lets through; before the body has run the advice does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.advice import guard_mask
from weaver.dye import SPACE
from weaver.dye_mask import Mask
from weaver.early_code import AdviceOfAll, weave_early
from weaver.errors import WeaverError, WeavingBusyError
from weaver.general_advice import GeneralAdvice
from weaver.holders import uncollected
from weaver.log import Log
from weaver.pointcut.needs import tells_by_name
from weaver.swap import Below, below
from weaver.weaving.guard import inert
from weaver.woven_cache import WovenCache
from weaver.woven_file import EarlyCode, Selection

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

Token = tuple[GeneralAdvice, Any]
Find = Callable[[str, CodeType, Sequence["Monitor"]], GeneralAdvice | None]
"""Gives the advice of monitors at the function of a module that has this original code; None when there is none.

Errors: WeavingBusyError when it has to be asked again.
"""


_GET = context.current_dyes.get
_frame = sys._getframe


class EarlyModule:
    """A module whose functions were woven before its body ran.

    Shape: ``monitors`` are those that are on there, in their order; ``is_ready`` once the body has run; ``has_others``
    says that not all of what they select is woven.
    """

    def __init__(self, name: str, monitors: Sequence[Monitor], find: Find) -> None:
        self.name = name
        self.is_ready = False
        self.has_others = False
        self.find = find
        self._monitors = monitors
        self._numbers: dict[Selection, int] = {}
        self._chosen: dict[int, AdviceOfAll | None] = {}
        self._masks: list[Mask] = []

    def weave(self, code: CodeType, cache: WovenCache) -> CodeType | None:
        """Return the woven code of the body; None when it has to be woven later, with all that is known then."""
        if not all(_is_early(monitor) for monitor in self._monitors):
            return None
        with uncollected():
            early = cache.early(self.name, code.co_filename, {monitor.selection for monitor in self._monitors})
            woven = None if early is None else self._woven(code, early, cache)
        if early is None or woven is None:
            return None
        self.has_others = early.has_others
        cache.count("loaded")
        return woven

    def _woven(self, code: CodeType, early: EarlyCode, cache: WovenCache) -> CodeType | None:
        self._numbers = {selection: number for number, selection in enumerate(early.selections)}
        try:
            return weave_early(code, early.rows, self.advice_at)
        except (WeaverError, ValueError, TypeError, LookupError) as error:
            log.debug("%s is woven when its body has run: %s", self.name, error)
            cache.count("early: not taken")
            return None

    def advice_at(self, choice: int) -> AdviceOfAll | None:
        """Return what is woven into the functions that a choice of pointcuts selects.

        Errors: WeaverError when there is no slot for the dye masks.
        """
        if choice not in self._chosen:
            self._chosen[choice] = self._choose(choice)
        return self._chosen[choice]

    def _choose(self, choice: int) -> AdviceOfAll | None:
        on = [monitor for monitor in self._monitors if choice >> self._numbers[monitor.selection] & 1]
        if not on:
            return None
        slot, gate = SPACE.slot_of(guard_mask(on))
        SPACE.hold(guard_mask(on))
        self._masks.append(guard_mask(on))
        return (gate, _GET, EarlyAdvice(self, on).enter, _LEAVE.exit, _LEAVE.throw), ("on", slot)

    def release(self) -> None:
        """Give back the slots that its guards read."""
        while self._masks:
            SPACE.release(self._masks.pop())


def _is_early(monitor: Monitor) -> bool:
    """Say whether a build can tell by names alone what a monitor selects."""
    return monitor.definition.scope == "server" and tells_by_name(monitor.definition.pointcut)


class EarlyAdvice:
    """The enter of all functions of a module that the same monitors select; it finds in the first pass what to do.

    One for all of them, because what each function has of its own is made at each import. Which one enters tells the
    frame that calls; what was found is kept with what lies below its code.
    """

    __slots__ = ("_module", "_monitors")

    def __init__(self, module: EarlyModule, monitors: Sequence[Monitor]) -> None:
        self._module = module
        self._monitors = monitors

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def enter(self, *arguments: Any) -> Token | None:
        """Act before the joinpoint, as ``GeneralAdvice`` does; return what is to be done after it, and who does it."""
        laid = below(_frame(1).f_code)
        if laid is None:
            return None  # somebody has copied the code
        try:
            general: GeneralAdvice | None = laid.advice
        except AttributeError:
            general = self._found(laid) if self._module.is_ready else None
        if general is None:
            return None
        made = general.enter(*arguments)
        return None if made is None else (general, made)

    def _found(self, laid: Below) -> GeneralAdvice | None:
        """Look for the advice, once: only when another thread is weaving, the next pass looks again."""
        laid.advice = found = None
        muting = context.mute()
        try:
            laid.advice = found = self._module.find(self._module.name, laid.original, self._monitors)
        except WeavingBusyError:
            del laid.advice
        except Exception:
            log.exception("the advice at %s:%s was not found", self._module.name, laid.original.co_qualname)
        finally:
            context.unmute(muting)
        return found


class _Leave:
    """The exit and throw of every function: the token tells what is to be done."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def exit(self, token: Token | None, value: Any) -> Any:
        """Act after the joinpoint has returned; return what it did."""
        return value if token is None else token[0].exit(token[1], value)

    def throw(self, token: Token | None, error: BaseException) -> None:
        """Act after the joinpoint has raised."""
        if token is not None:
            token[0].throw(token[1], error)


_LEAVE = _Leave()
