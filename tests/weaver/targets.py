"""Modules made of source text, a registry over them, and actions that record what they see."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from gevent import monkey

from weaver.event import EventBuffer
from weaver.joinpoint import Invocation
from weaver.monitor import ActionKind, Location, MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

start_thread: Any = monkey.get_original("_thread", "start_new_thread")
allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")


def in_a_thread(function: Any) -> None:
    """Run a function in a native thread, and wait for it."""
    ended = allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            function()
        finally:
            ended.release()

    start_thread(run, ())
    assert ended.acquire(timeout=10)


class Recording:
    """A stateless action that keeps every invocation."""

    name = "Recording"
    kind: ActionKind = "stateless"

    def __init__(self, name: str = "Recording") -> None:
        self.name = name
        self.seen: list[Invocation] = []

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        self.seen.append(invocation)
        return {}

    enter = leave = run


class Around:
    """An around action that keeps what it was told, in order."""

    name = "Around"
    kind: ActionKind = "around"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def run(self, invocation: Invocation) -> None:
        raise AssertionError("an around action is not run")

    def enter(self, invocation: Invocation) -> None:
        self.seen.append("enter")

    def leave(self, invocation: Invocation) -> None:
        self.seen.append("raised" if invocation.error is not None else f"leave {invocation.result}")


class Failing(Recording):
    """A stateless action that raises."""

    def run(self, invocation: Invocation) -> Mapping[str, Any] | None:
        self.seen.append(invocation)
        raise RuntimeError("the action's own fault")

    enter = leave = run


def make_module(source: str, name: str = "woven_target") -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, f"{name}.py", "exec"), vars(module))
    return module


def make_registry(*actions: object) -> Registry:
    registry = Registry(EventBuffer(100))
    for action in actions:
        registry.add_action(action)  # type: ignore[arg-type]
    return registry


def monitor(name: str, pointcut: str, location: Location = "before", **more: Any) -> MonitorDefinition:
    return MonitorDefinition(name, "application", "custom", location, parse_pointcut(pointcut), **more)


def started(module: ModuleType, *actions: object) -> tuple[Registry, Recording]:
    recording = Recording()
    registry = make_registry(recording, *actions)
    registry.on_module(module)
    return registry, recording


def switch_on(registry: Registry, pointcut: str, location: Any = "before", name: str = "M", **attributes: Any) -> Any:
    registry.add(monitor(name, pointcut, location))
    actions = ["Around"] if location == "around" else ["Recording"]
    return registry.set(name, **{"enabled": True, "actions": actions, **attributes})


def arguments(recording: Recording) -> list[tuple[Any, ...]]:
    return [tuple(one.arguments) for one in recording.seen]
