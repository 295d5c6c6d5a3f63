"""Whole packages with every function woven, at work: run time over the plain one, in each state, in one process.

On CPython 3.13 the plain run is that of functions which were swapped once, so that the price of that is on both sides.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import gc
import json.decoder
import json.encoder
import json.scanner
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from monitors.actions.count import CountAction
from monitors.actions.elapsed_time import ElapsedTimeAction
from tests.bench.figures import Figure, at_most, report
from tests.bench.weaving import kit
from tests.bench.weaving.subjects import fired, registry_of
from weaver import context
from weaver.build import import_package
from weaver.dye import mask_of
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut

ROUNDS = 15
NEW = sys.version_info >= (3, 13)
PLAIN = "plain"
STATES: dict[str, dict[str, Any]] = {
    PLAIN: {"enabled": False},
    "disabled": {"enabled": False},
    "no live dye": {"enabled": True, "actions": ["ElapsedTimeAction"], "dye_mask": ["DYE_2"]},
    "mismatch": {"enabled": True, "actions": ["ElapsedTimeAction"], "dye_mask": ["DYE_1"]},
    "match, elapsed time": {"enabled": True, "actions": ["ElapsedTimeAction"], "dye_mask": ["DYE_0"]},
}
LIMITS = {"no live dye": (1.03, 1.05), "mismatch": (1.08, 1.12)}

MESSAGE = (
    "From: A <a@b.example>\nTo: C <c@d.example>\nSubject: =?utf-8?q?h=C3=A9?=\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/plain\n\nhello\n--XX--\n"
)


def work_email() -> Callable[[], object]:
    def work() -> object:
        message: Any = email.message_from_string(MESSAGE, policy=email.policy.default)
        parts = [part.get_content() for part in message.iter_parts()]
        return message["subject"], message["from"].addresses, parts, message.as_bytes()

    return work


def work_json() -> Callable[[], object]:
    """The pure Python forms of what C does otherwise."""
    library: Any = json
    library.encoder.c_make_encoder = None
    decoder: Any = json.decoder.JSONDecoder()
    decoder.parse_string = library.decoder.py_scanstring
    decoder.scan_once = library.scanner.py_make_scanner(decoder)
    encoder = json.encoder.JSONEncoder(indent=1)
    data = {"a": [1, 2.5, None, True, "text"] * 5, "b": {str(number): number for number in range(20)}}
    return lambda: decoder.decode(encoder.encode(data))


def work_argparse() -> Callable[[], object]:
    def work() -> object:
        parser = argparse.ArgumentParser(prog="x")
        for number in range(10):
            parser.add_argument(f"--opt{number}", type=int, default=number, help="h")
        parser.add_argument("files", nargs="*")
        return parser.parse_args(["--opt1", "3", "--opt2", "5", "f", "g"]), parser.format_help()

    return work


WORK: dict[str, tuple[Callable[[], Callable[[], object]], int, int]] = {
    "email": (work_email, 5, 20),
    "json": (work_json, 20, 40),
    "argparse": (work_argparse, 10, 20),
}
"""Package: what makes its work, how many runs a turn has, and how many runs come before them."""


def measure(package: str) -> tuple[dict[str, float], int]:
    """Return the run time of each state over the plain one, and the number of functions."""
    make, runs, warm = WORK[package]
    work = make()
    modules: list[ModuleType] = import_package(package, ())[0]
    registry = registry_of(ElapsedTimeAction(), CountAction())
    pointcut = parse_pointcut(f"execution(* {package}..*(..))")
    registry.add(MonitorDefinition("M", "application", "custom", "around", pointcut))
    for module in modules:
        registry.on_module(module)
    registry.set("M", enabled=True)
    registry.set("M", enabled=False)
    taken: dict[str, list[float]] = {state: [] for state in STATES}
    gc.disable()
    for _ in range(ROUNDS):
        for state, settings in STATES.items():
            registry.set("M", **settings)
            before = fired(registry, "M")
            for _ in range(warm):
                work()
            turns = [_timed(work) for _ in range(runs)]
            assert (fired(registry, "M") > before) is state.startswith("match"), state
            taken[state].append(statistics.median(turns))
        gc.collect()
    registry.set("M", enabled=False)
    return {state: kit.ratio(taken, state, PLAIN) for state in STATES}, len(registry.get("M")["joinpoints"])


def _timed(work: Callable[[], object]) -> int:
    began = perf_counter_ns()
    work()
    return perf_counter_ns() - began


def in_context() -> list[Figure]:
    others = context.DiagnosticContext(mask_of(["DYE_1"]), {})
    tokens = context.begin(mask_of(["DYE_0"]), {})
    figures: list[Figure] = []
    for package in WORK:
        ratios, count = measure(package)
        for state in (state for state in STATES if state != PLAIN):
            name = f"{package}, {count} functions, {state}, / plain"
            limits = LIMITS.get(state)
            value = ratios[state]
            figures.append(
                Figure(name, round(value, 3), "ratio") if limits is None else at_most(name, value, "ratio", limits[NEW])
            )
    context.end(tokens)
    assert others.vector
    return figures


if __name__ == "__main__":
    report(kit.in_greenlet(in_context))
