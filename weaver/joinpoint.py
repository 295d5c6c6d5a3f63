"""What an action sees: one pass through a joinpoint; and what it may offer instead of looking at each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from weaver.pointcut.shown import NOTHING, Shown
from weaver.shadow import Shadow
from weaver.weaving.guard import Passes

P = TypeVar("P")

Checked = Mapping[type, object]
"""The properties of a monitor's actions: model -> its values."""
NO_PROPERTIES: Checked = MappingProxyType({})


class Place(NamedTuple):
    """What events say of a shadow.

    Shape: ``has_owner`` says that the class of the first argument is told in place of ``class_name``;
    ``method_descriptor`` has the parameters with their types and the type of the result, as far as they are written.
    """

    module: str
    filename: str
    line: int
    class_name: str | None
    method: str
    method_descriptor: str
    has_owner: bool


def place_of(shadow: Shadow) -> Place:
    """Return what events say of a shadow."""
    parameters = ", ".join(p.name if p.annotation is None else f"{p.name}: {p.annotation}" for p in shadow.parameters)
    descriptor = f"({parameters})" if shadow.returns is None else f"({parameters}) -> {shadow.returns}"
    return Place(
        shadow.module, shadow.filename, shadow.line, shadow.class_name, shadow.name, descriptor, shadow.has_owner
    )


@dataclass(frozen=True, slots=True, eq=False)
class JoinPoint:
    """What of one monitor's passes at one shadow stays the same.

    Shape: ``monitor`` is its name, ``properties`` are its own as they were set, ``checked`` as the models of its
    actions have them; ``passes.n`` is how often it has fired here; ``shown`` are the values that its pointcut marks
    with ``%``; ``place`` is what its events say of the shadow.
    """

    shadow: Shadow
    monitor: str
    properties: Mapping[str, Any]
    passes: Passes
    checked: Checked
    shown: Shown = NOTHING
    place: Place = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", place_of(self.shadow))

    def properties_as(self, model: type[P]) -> P:
        """Return the monitor's properties as one of its actions declares them."""
        return cast("P", self.checked[model])


class Invocation:
    """One pass through a joinpoint.

    Shape: ``result`` and ``error`` are set when it ``has_ended``; ``state`` is what an around action has put there
    when it was entered, each its own; ``entered`` are these actions with their states.
    Units: ``elapsed_ns`` nanoseconds, 0 before the call has ended.
    """

    __slots__ = (
        "arguments",
        "elapsed_ns",
        "entered",
        "error",
        "has_ended",
        "joinpoint",
        "result",
        "started_ns",
        "state",
    )

    def __init__(self, joinpoint: JoinPoint, arguments: tuple[Any, ...]) -> None:
        self.joinpoint = joinpoint
        self.arguments = arguments
        self.result: object = None
        self.error: BaseException | None = None
        self.started_ns = 0
        self.elapsed_ns = 0
        self.has_ended = False
        self.state: object = None
        self.entered: list[tuple[Any, object]] = []

    @property
    def shadow(self) -> Shadow:
        """The shadow that was passed."""
        return self.joinpoint.shadow

    @property
    def monitor(self) -> str:
        """The name of the monitor."""
        return self.joinpoint.monitor

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties of the monitor."""
        return self.joinpoint.properties

    def properties_as(self, model: type[P]) -> P:
        """Return the monitor's properties as one of its actions declares them."""
        return cast("P", self.joinpoint.checked[model])

    def argument(self, name: str) -> Any:
        """Return an argument by its name, None if the joinpoint has no such parameter."""
        for parameter, value in zip(self.shadow.parameters, self.arguments, strict=False):
            if parameter.name == name:
                return value
        return None

    def may_show(self, at: int) -> bool:
        """Say whether the pointcut marks the argument at a place; at a call site two others stand before the values."""
        return at - (0 if self.shadow.kind == "execution" else 2) in self.joinpoint.shown.arguments

    def named(self) -> dict[str, Any]:
        """Return the arguments by name; made anew each time, so ask only when you need them all."""
        return {p.name: value for p, value in zip(self.shadow.parameters, self.arguments, strict=False)}


@dataclass(frozen=True, slots=True)
class Compiled:
    """An action compiled for one shadow: called by the woven code itself, with no invocation and no frame between.

    Shape: ``enter`` takes the joinpoint's arguments, by position and exactly as many as ``shadow.parameters`` (none
    when ``arguments`` is false), and returns a token; ``exit`` takes the token and the result, ``throw`` the token and
    the error; what these two return is dropped. A monitor before uses ``enter`` only, one after ``exit`` and ``throw``
    with the token None, one around all three (the token is None too when ``enter`` failed). What is None is not called.
    """

    enter: Callable[..., object] | None = None
    exit: Callable[[Any, Any], object] | None = None
    throw: Callable[[Any, BaseException], object] | None = None
    arguments: bool = True


@dataclass(frozen=True, slots=True)
class PassTest:
    """What a pointcut could not decide from the shadow and asks in each pass, of one monitor.

    Shape: ``at_entry`` says whether the monitor fires; ``at_exit`` whether it acts after the joinpoint (an around
    action is left all the same, only its event is dropped). What is None is not asked.
    """

    at_entry: Callable[[Invocation], bool] | None = None
    at_exit: Callable[[Invocation], bool] | None = None
