"""The advice of functions that were woven before their module's body ran.

Which monitors select such a function is known from names alone. What else advice needs, the shadow above all, is looked
for in the first pass that the guard lets through; before the body has run the advice does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any

from weaver import context
from weaver.advice import guard_masks
from weaver.dye import SPACE
from weaver.early_code import EarlyConstants
from weaver.general_advice import GeneralAdvice
from weaver.log import Log
from weaver.weaving.guard import inert

if TYPE_CHECKING:
    from weaver.registry import Monitor

log = Log(__name__)

Find = Callable[[str, CodeType, Sequence["Monitor"]], GeneralAdvice | None]
"""Gives the advice of monitors at the function of a module that has this original code; None when there is none."""


class EarlyModule:
    """A module whose functions were woven before its body ran.

    Shape: ``monitors`` are those that are on, by the number of their pointcut in the woven file, in their order;
    ``is_ready`` once the body has run; ``has_others`` says that not all of what they select is woven.
    """

    def __init__(self, name: str, monitors: Sequence[tuple[int, Monitor]], find: Find) -> None:
        self.name = name
        self.is_ready = False
        self.has_others = False
        self.find = find
        self._monitors = monitors
        self._on: dict[tuple[int, ...], tuple[list[Monitor], str, object]] = {}

    def advice_at(self, numbers: tuple[int, ...], code: CodeType) -> EarlyConstants | None:
        """Return what is woven into the code of a function that some pointcuts, by number, select.

        Errors: WeaverError when there is no slot for the dye masks.
        """
        on, slot, gate = self._on.get(numbers) or self._guard(numbers)
        if not on:
            return None
        advice = EarlyAdvice(self, code, on)
        return EarlyConstants((gate, context.current_dyes.get, advice.enter, advice.exit, advice.throw), slot)

    def _guard(self, numbers: tuple[int, ...]) -> tuple[list[Monitor], str, object]:
        on = [monitor for number, monitor in self._monitors if number in numbers]
        slot, gate = "", None
        if on:
            slot, gate = SPACE.slot_of(*guard_masks(on))
            SPACE.hold(*guard_masks(on))
        self._on[numbers] = on, slot, gate
        return self._on[numbers]

    def release(self) -> None:
        """Give back the slots that its guards read."""
        for on, _, _ in self._on.values():
            if on:
                SPACE.release(*guard_masks(on))
        self._on.clear()


class EarlyAdvice:
    """Enter, exit and throw of one function; finds in the first pass what it is to do."""

    __slots__ = ("_code", "_general", "_is_sought", "_module", "_monitors")

    def __init__(self, module: EarlyModule, code: CodeType, monitors: Sequence[Monitor]) -> None:
        self._module = module
        self._code = code
        self._monitors = monitors
        self._general: GeneralAdvice | None = None
        self._is_sought = True

    def __reduce__(self) -> tuple[object, ...]:
        """Become advice that does nothing, in code that is pickled by value."""
        return inert()

    def enter(self, *arguments: Any) -> Any:
        """Act before the joinpoint, as ``GeneralAdvice`` does."""
        if self._is_sought and self._module.is_ready:
            self._find()
        return None if self._general is None else self._general.enter(*arguments)

    def _find(self) -> None:
        self._is_sought = False
        muting = context.mute()
        try:
            self._general = self._module.find(self._module.name, self._code, self._monitors)
        except Exception:
            log.exception("the advice at %s:%s was not found", self._module.name, self._code.co_qualname)
        finally:
            context.unmute(muting)

    def exit(self, made: Any, value: Any) -> Any:
        """Act after the joinpoint has returned; return what it did."""
        return value if self._general is None else self._general.exit(made, value)

    def throw(self, made: Any, error: BaseException) -> None:
        """Act after the joinpoint has raised."""
        if self._general is not None:
            self._general.throw(made, error)
