"""A small module, and the shipped actions over it."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.weaver.targets import make_module
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.plugins import Plugins
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry

SOURCE = """
class Cart:
    def __init__(self):
        self.items, self.owner, self._total = [], "alice", 0

    def add(self, item, price=1):
        self.items.append(item)
        self._total += price
        return len(self.items)

    def fail(self):
        raise KeyError("nothing")

    def keep(self, size):
        self.kept = bytearray(size)

    @property
    def loud(self):
        raise AssertionError("a property is not asked")

def f(user="alice", n=7):
    return "token of " + user

def f_of(message):
    return message

def deep(n):
    return f() if n == 0 else deep(n - 1)
"""


class Bench(NamedTuple):
    """A registry with every shipped action, the methods they bring, and the module that is watched."""

    registry: Registry
    plugins: Plugins
    module: Any
    put: Callable[..., dict[str, Any]]

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [event.payload or {} for event in self.registry.buffer.recent()]

    def call(self, method: str, **parameters: object) -> Any:
        return self.plugins.methods[method].function(parameters)


@pytest.fixture
def bench() -> Iterator[Bench]:
    registry = Registry(EventBuffer(50))
    plugins = Plugins(registry)
    plugins.load(["monitors.actions"])
    module = make_module(SOURCE)
    registry.on_module(module)

    def put(action: str, location: Any = "before", on: str = "f", name: str = "M", **properties: object) -> Any:
        """Switch a monitor on with one action at a function."""
        pointcut = parse_pointcut(f"execution(* woven_target..{on}(..))")
        registry.add(MonitorDefinition(name, "application", "custom", location, pointcut))
        return registry.set(name, enabled=True, actions=[action], properties=properties)

    yield Bench(registry, plugins, module, put)
    for name in registry.names():
        registry.set(name, enabled=False)
