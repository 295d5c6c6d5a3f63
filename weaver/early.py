"""The advice of functions that were woven before their module's body ran.

Which monitors select such a function is known from names alone. What else advice needs, the shadow above all, is looked
for in the first pass that the guard lets through; before the body has run the advice does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.advice import guard_mask
from weaver.dye import SPACE
from weaver.dye_mask import Mask
from weaver.early_code import weave_early
from weaver.errors import WeaverError
from weaver.general_advice import GeneralAdvice
from weaver.holders import uncollected
from weaver.log import Log
from weaver.pointcut.needs import tells_by_name
from weaver.weaving.guard import inert
from weaver.woven_cache import WovenCache
from weaver.woven_file import Selection

if TYPE_CHECKING:
    from weaver.at_work import Monitor

log = Log(__name__)

Token = tuple[GeneralAdvice, Any]
Find = Callable[[str, CodeType, Sequence["Monitor"]], GeneralAdvice | None]
"""Gives the advice of monitors at the function of a module that has this original code; None when there is none."""


_GET = context.current_dyes.get


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
        self._chosen: dict[int, tuple[list[Monitor], object, tuple[str, str]]] = {}
        self._masks: list[Mask] = []
        self._exit, self._throw = _LEAVE.exit, _LEAVE.throw

    def weave(self, code: CodeType, cache: WovenCache) -> CodeType | None:
        """Return the woven code of the body; None when it has to be woven later, with all that is known then."""
        if not all(_is_early(monitor) for monitor in self._monitors):
            return None
        early = cache.early(self.name, code.co_filename, {monitor.selection for monitor in self._monitors})
        if early is None:
            return None
        self._numbers = {selection: number for number, selection in enumerate(early.selections)}
        try:
            with uncollected():
                woven = weave_early(code, early.rows, self.advice_at)
        except (WeaverError, ValueError, TypeError, LookupError) as error:
            log.debug("%s is woven when its body has run: %s", self.name, error)
            cache.count("early: not taken")
            return None
        self.has_others = early.has_others
        cache.count("loaded")
        return woven

    def advice_at(self, choice: int, code: CodeType) -> tuple[tuple[object, ...], tuple[str, str]] | None:
        """Return what is woven into the code of a function that a choice of pointcuts selects.

        Errors: WeaverError when there is no slot for the dye masks.
        """
        on, gate, names = self._chosen.get(choice) or self._choose(choice)
        if not on:
            return None
        return (gate, _GET, EarlyAdvice(self, code, on).enter, self._exit, self._throw), names

    def _choose(self, choice: int) -> tuple[list[Monitor], object, tuple[str, str]]:
        on = [monitor for monitor in self._monitors if choice >> self._numbers[monitor.selection] & 1]
        slot, gate = "", None
        if on:
            slot, gate = SPACE.slot_of(guard_mask(on))
            SPACE.hold(guard_mask(on))
        self._chosen[choice] = on, gate, ("on", slot)
        self._masks += [guard_mask(on)] if on else []
        return self._chosen[choice]

    def release(self) -> None:
        """Give back the slots that its guards read."""
        while self._masks:
            SPACE.release(self._masks.pop())


def _is_early(monitor: Monitor) -> bool:
    """Say whether a build can tell by names alone what a monitor selects."""
    return monitor.definition.scope == "server" and tells_by_name(monitor.definition.pointcut)


class EarlyAdvice:
    """The enter of one function, which finds in the first pass what it is to do.

    Shape: ``_module`` is None once that has been looked for.
    """

    __slots__ = ("_code", "_general", "_module", "_monitors")

    def __init__(self, module: EarlyModule, code: CodeType, monitors: Sequence[Monitor]) -> None:
        self._module: EarlyModule | None = module
        self._code = code
        self._monitors = monitors
        self._general: GeneralAdvice | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def enter(self, *arguments: Any) -> Token | None:
        """Act before the joinpoint, as ``GeneralAdvice`` does; return what is to be done after it, and who does it."""
        if self._module is not None and self._module.is_ready:
            self._find(self._module)
        general = self._general
        if general is None:
            return None
        made = general.enter(*arguments)
        return None if made is None else (general, made)

    def _find(self, module: EarlyModule) -> None:
        self._module = None
        muting = context.mute()
        try:
            self._general = module.find(module.name, self._code, self._monitors)
        except Exception:
            log.exception("the advice at %s:%s was not found", module.name, self._code.co_qualname)
        finally:
            context.unmute(muting)


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
