"""What is woven in the benchmarks: a small method, and monitors for it in a registry of the product's own."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import Any

from weaver.event import EventBuffer
from weaver.joinpoint import Compiled, Invocation, JoinPoint
from weaver.monitor import Action, ActionKind, Location, MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

SOURCE = """
class Dialog:
    def __init__(self):
        self.state = 0

    def do_invite(self, request):
        self.state = request.seq
        return request.method
"""

_serial = itertools.count()


class Request:
    """The argument."""

    def __init__(self) -> None:
        self.method, self.seq = "INVITE", 7


class NoAction:
    """Does nothing before and after, with the arguments; compiled."""

    name = "NoAction"
    kind: ActionKind = "around"

    def run(self, invocation: Invocation) -> None:
        """Nothing."""

    enter = leave = run

    def compile(self, joinpoint: JoinPoint) -> Compiled:
        """Return three functions that do nothing."""

        def enter(_dialog: object, _request: object) -> None:
            return None

        def leave(_token: object, _outcome: object) -> None:
            return None

        return Compiled(enter, leave, leave)


class GeneralNoAction:
    """The same with an invocation."""

    name = "GeneralNoAction"
    kind: ActionKind = "around"

    def run(self, invocation: Invocation) -> None:
        """Nothing."""

    enter = leave = run


def fresh_module() -> ModuleType:
    """Return a module with a class of its own code objects, so that no variant disturbs another."""
    module = ModuleType(f"bench_subject_{next(_serial)}")
    sys.modules[module.__name__] = module
    exec(compile(SOURCE, f"<{module.__name__}>", "exec"), vars(module))
    return module


def registry_of(*actions: Action) -> Registry:
    """Return an empty registry with these actions."""
    registry = Registry(EventBuffer(10))
    for action in actions:
        registry.add_action(action)
    return registry


def monitor_for(module: ModuleType, action: Action, location: Location) -> tuple[Registry, str]:
    """Return a registry with one monitor for the module's method, off, and the monitor's name."""
    registry = registry_of(action)
    pointcut = parse_pointcut(f"execution(* {module.__name__}.Dialog.do_invite(..))")
    registry.add(MonitorDefinition("M", "application", "custom", location, pointcut, actions=(action.name,)))
    registry.on_module(module)
    return registry, "M"


def fired(registry: Registry, name: str) -> int:
    """Return how often a monitor has fired."""
    counters: dict[str, Any] = registry.get(name)["counters"]
    return int(counters["fired"])
