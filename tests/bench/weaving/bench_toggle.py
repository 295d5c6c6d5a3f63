"""What it takes to weave a function for the first time, and to switch woven functions on and off."""

from __future__ import annotations

import email.policy
import json.decoder
import json.encoder
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import FunctionType, ModuleType

sys.path.insert(0, str(Path(__file__).parents[3]))

import argparse

from monitors.actions.count import CountAction
from tests.bench.figures import Figure, at_most, report
from tests.bench.weaving.subjects import NoAction, fresh_module, monitor_for, registry_of
from weaver.advice import compile_advice
from weaver.monitor import Action, Location, MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.swap import is_woven, weave_shadow

SMALL, ROUNDS = 200, 31
STANDARD = (argparse, email.message, email.header, email.policy, email.utils, json.decoder, json.encoder)


def timed(function: Callable[[], object]) -> int:
    began = perf_counter_ns()
    function()
    return perf_counter_ns() - began


def first_small(action: Action, location: Location) -> float:
    """Return what a first weave of a small method takes, of many that one monitor has; in microseconds."""
    registry = all_small(action, location)
    taken = timed(lambda: registry.set("M", enabled=True))
    assert not registry.get("M")["failures"]
    registry.set("M", enabled=False)
    return taken / len(registry.get("M")["joinpoints"]) / 1e3


def weave_small() -> float:
    """Return what compiling, weaving and swapping in the advice of a small method takes; in microseconds.

    The methods are found before: that asks the garbage collector, which leaves nothing in the processor's caches.
    """
    registries = [monitor_for(fresh_module(), NoAction(), "around")[0] for _ in range(SMALL)]
    monitors = [registry._monitors["M"] for registry in registries]
    shadows = [shadow for monitor in monitors for shadow in monitor.shadows]
    taken = [
        timed(lambda m=monitor, s=shadow: weave_shadow(s, compile_advice(s, [m])))
        for monitor, shadow in zip(monitors, shadows, strict=True)
    ]
    for shadow in shadows:
        weave_shadow(shadow, None)
    return statistics.median(taken) / 1e3


def first_alone() -> float:
    """Return what switching on a monitor of one method takes for the first time; in microseconds."""
    registry, name = monitor_for(fresh_module(), NoAction(), "around")
    return timed(lambda: registry.set(name, enabled=True)) / 1e3


def all_small(action: Action, location: Location) -> Registry:
    """Return a registry with one monitor, off, for the small methods of many modules."""
    registry = registry_of(action)
    modules = [fresh_module() for _ in range(SMALL)]
    pointcut = parse_pointcut("execution(* bench_subject_*.Dialog.do_invite(..))")
    registry.add(MonitorDefinition("M", "application", "custom", location, pointcut, actions=(action.name,)))
    for module in modules:
        registry.on_module(module)
    return registry


def all_of(modules: tuple[ModuleType, ...]) -> Registry:
    """Return a registry with one monitor, off, for every function of the modules."""
    registry = registry_of(NoAction())
    names = " or ".join(f"execution(* {module.__name__}..*(..))" for module in modules)
    registry.add(MonitorDefinition("M", "application", "custom", "around", parse_pointcut(names)))
    for module in modules:
        registry.on_module(module)
    return registry


def first_average() -> tuple[float, int]:
    """Return what a first weave takes in the mean over whole modules, and of how many functions; in microseconds."""
    registry = all_of(STANDARD)
    count = len(registry.get("M")["joinpoints"])
    taken = timed(lambda: registry.set("M", enabled=True))
    assert not registry.get("M")["failures"]
    registry.set("M", enabled=False)
    return taken / count / 1e3, count


def toggle_registry() -> float:
    """Return what switching a monitor on, or off, takes for each of its functions, woven before; in microseconds."""
    registry = all_small(NoAction(), "around")
    registry.set("M", enabled=True)
    registry.set("M", enabled=False)
    count = len(registry.get("M")["joinpoints"])
    rounds = [
        timed(lambda: registry.set("M", enabled=True)) + timed(lambda: registry.set("M", enabled=False))
        for _ in range(ROUNDS)
    ]
    return statistics.median(rounds) / 2 / count / 1e3


def swap() -> float:
    """Return what putting the one and the other code object into a function takes; in microseconds."""
    functions: list[FunctionType] = []
    for _ in range(SMALL):
        module = fresh_module()
        registry, name = monitor_for(module, NoAction(), "around")
        original = module.Dialog.do_invite.__code__
        registry.set(name, enabled=True)
        assert is_woven(module.Dialog.do_invite)
        functions.append(module.Dialog.do_invite)
        woven = module.Dialog.do_invite.__code__
        registry.set(name, enabled=False)
        assert module.Dialog.do_invite.__code__ is original

    def put_all() -> None:
        for function in functions:
            function.__code__ = woven

    def put_back() -> None:
        for function in functions:
            function.__code__ = original

    return statistics.median(timed(put_all) + timed(put_back) for _ in range(ROUNDS)) / 2 / SMALL / 1e3


def main() -> None:
    average, count = first_average()
    report(
        [
            at_most("first weave, small method, before and after", weave_small(), "us", 100),
            Figure("through the registry, before and after", round(first_small(NoAction(), "around"), 1), "us"),
            Figure("through the registry, counter", round(first_small(CountAction(), "before"), 1), "us"),
            Figure("monitor with one method switched on for the first time", round(first_alone(), 1), "us"),
            at_most(f"first weave, average of {count} functions", average, "us", 200),
            at_most("swap of a woven function's code", swap(), "us", 0.1),
            Figure("monitor on or off, for each function woven before", round(toggle_registry(), 2), "us"),
        ]
    )


if __name__ == "__main__":
    main()
