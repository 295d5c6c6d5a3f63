"""What an action sees: one pass through a joinpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weaver.shadow import Shadow


class Invocation:
    """One pass through a joinpoint.

    Shape: ``result`` and ``error`` are set after the call; ``state`` belongs to the around action that set it.
    Units: ``elapsed_ns`` nanoseconds, 0 before the call has ended.
    """

    __slots__ = ("arguments", "elapsed_ns", "error", "monitor", "properties", "result", "shadow", "started_ns", "state")

    def __init__(self, shadow: Shadow, arguments: tuple[Any, ...], monitor: str, properties: Mapping[str, Any]) -> None:
        self.shadow = shadow
        self.arguments = arguments
        self.monitor = monitor
        self.properties = properties
        self.result: object = None
        self.error: BaseException | None = None
        self.started_ns = 0
        self.elapsed_ns = 0
        self.state: object = None

    def argument(self, name: str) -> Any:
        """Return an argument by its name, None if the joinpoint has no such parameter."""
        for parameter, value in zip(self.shadow.parameters, self.arguments, strict=False):
            if parameter.name == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class PassTest:
    """What a pointcut could not decide from the shadow and asks in each pass, of one monitor.

    Shape: ``at_entry`` says whether the monitor fires; ``at_exit`` whether it acts after the joinpoint (an around
    action is left all the same, only its event is dropped). What is None is not asked.
    """

    at_entry: Callable[[Invocation], bool] | None = None
    at_exit: Callable[[Invocation], bool] | None = None
