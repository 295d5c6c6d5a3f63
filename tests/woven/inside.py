"""Runs one test suite in one state of weaving, in a process of its own, and writes down how every test ended.

It stands alone: it imports nothing of ``tests``, because what it tests may have a package of that name.
"""

import argparse
import gc
import importlib
import io
import json
import pkgutil
import re
import sys
import unittest
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

STATES = ("plain", "off", "mismatch", "match", "places")
"""Never woven; woven once and put back; woven with a dye that is not the context's; woven with the context's dye; and
so at every call, read and write of an attribute and handler of an exception inside, instead of around each function."""

MONITORS: dict[str, tuple[Any, str, str]] = {
    "Everything": ("around", "execution(* *(..))", "Counting"),
    "Places": ("before", "call(* *(..)) or get(*) or set(*) or handler(*)", "Passing"),
}
"""Location, pointcut and action."""

ROOT = Path(__file__).parents[2]
QUIET = ("-W", "ignore:Passing a non-Collection")
"""A warning that pytest 9 gives about tests written before it, which their configuration makes an error."""

WANTED, OTHER = "DYE_0", "DYE_1"


class Counting:
    """An around action that counts and emits nothing."""

    name = "Counting"
    kind = "around"

    def __init__(self) -> None:
        self.entered = 0
        self.left = 0

    def run(self, invocation: object) -> None:
        raise AssertionError("an around action is not run")

    def enter(self, invocation: object) -> None:
        self.entered += 1

    def leave(self, invocation: object) -> None:
        self.left += 1


class Passing(Counting):
    """A stateless action that counts and emits nothing."""

    name = "Passing"
    kind = "stateless"

    def run(self, invocation: object) -> None:
        self.entered += 1


class Woven:
    """The weaver over the modules below some prefixes."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        from weaver import hook
        from weaver.event import EventBuffer
        from weaver.monitor import MonitorDefinition
        from weaver.pointcut.parser import parse_pointcut
        from weaver.registry import Registry

        self.actions = Counting(), Passing()
        self.registry = Registry(EventBuffer(100))
        for action in self.actions:
            self.registry.add_action(action)
        for name, (location, pointcut, action_name) in MONITORS.items():
            definition = MonitorDefinition(name, "application", "custom", location, parse_pointcut(pointcut))
            self.registry.add(definition)
            self.registry.set(name, actions=[action_name])
        for module in loaded(prefixes):
            self.registry.on_module(module)
        hook.install(self.registry.on_module, prefixes)
        self._alive: object = None
        self._name = ""

    def bring_to(self, state: str) -> None:
        """Weave, and set the context, as the state says."""
        from weaver import context
        from weaver.dye import SPACE, mask_of

        self._name = "Places" if state == "places" else "Everything"
        self._alive = SPACE.intern(mask_of([WANTED]))  # opens the gate: some message has the dye
        self.registry.set(self._name, enabled=True, dye_mask=[WANTED])
        if state == "off":
            self.registry.set(self._name, enabled=False)
        context.begin(mask_of([WANTED if state in {"match", "places"} else OTHER]), {})

    def proof(self, prefixes: Sequence[str]) -> dict[str, object]:
        """Return what shows that the tests did run woven code, or did not."""
        from weaver.swap import is_woven

        status = self.registry.get(self._name)
        found = [
            one
            for one in gc.get_objects()
            if isinstance(one, FunctionType) and is_below(one.__globals__.get("__name__"), prefixes)
        ]
        return {
            "functions": len(found),
            "woven": sum(map(is_woven, found)),
            "entered": sum(action.entered for action in self.actions),
            "left": sum(action.left for action in self.actions),
            "failures": status["failures"],
            "notice": status["notice"],
        }


def is_below(name: object, prefixes: Sequence[str]) -> bool:
    return isinstance(name, str) and any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def loaded(prefixes: Sequence[str]) -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if is_below(name, prefixes)]


def import_all(prefixes: Sequence[str]) -> None:
    """Import what lies below the prefixes, in every state alike; what cannot be imported is left to the tests."""
    for prefix in prefixes:
        module = importlib.import_module(prefix)
        for found in pkgutil.walk_packages(getattr(module, "__path__", ()), prefix + ".", onerror=lambda _: None):
            if not found.name.endswith("__main__"):
                with suppress(Exception, SystemExit):
                    importlib.import_module(found.name)


class PytestOutcomes:
    """A plugin of pytest that keeps how each test ended."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            outcome = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
            self._keep(report.nodeid, outcome if report.when == "call" else f"{report.outcome} in {report.when}")

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome != "passed":
            self._keep(report.nodeid, f"{report.outcome} in collection")

    def _keep(self, name: str, outcome: str) -> None:
        name = without_addresses(name)
        self.outcomes[name] = f"{self.outcomes[name]}, {outcome}" if name in self.outcomes else outcome


class UnittestOutcomes(unittest.TestResult):
    """A test result that keeps how each test ended."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}

    def _keep(self, test: Any, outcome: str) -> None:
        name = without_addresses(test.id())
        self.outcomes[name] = f"{self.outcomes[name]}, {outcome}" if name in self.outcomes else outcome

    def addSuccess(self, test: Any) -> None:
        self._keep(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._keep(test, "failed")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._keep(test, "failed")

    def addSkip(self, test: Any, reason: str) -> None:
        self._keep(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._keep(test, "xfailed")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._keep(test, "failed")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._keep(subtest, "failed")


def without_addresses(name: str) -> str:
    return re.sub(r"0x[0-9a-f]{6,}", "0x", name)


def run_pytest(arguments: Sequence[str]) -> tuple[dict[str, str], str]:
    import pytest

    plugin = PytestOutcomes()
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-q", "--hypothesis-seed=0", *QUIET, *arguments]
    text = io.StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        pytest.main(options, plugins=[plugin])
    return plugin.outcomes, text.getvalue()


def run_unittest(names: Sequence[str]) -> tuple[dict[str, str], str]:
    result = UnittestOutcomes()
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(
        loader.discover(name, top_level_dir=".") if Path(name).is_dir() else loader.loadTestsFromName(name)
        for name in names
    )
    result.buffer = True
    suite.run(result)
    return result.outcomes, "\n".join(text for _, text in (*result.errors, *result.failures))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", choices=STATES, required=True)
    parser.add_argument("--prefix", action="append", required=True)
    parser.add_argument("--runner", choices=("pytest", "unittest"), required=True)
    parser.add_argument("--path", action="append", default=[], help="put first on sys.path")
    parser.add_argument("--gevent", action="store_true", help="patch the standard library first")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != Path(__file__).parent]
    sys.path.insert(0, str(ROOT))
    if options.gevent:
        importlib.import_module("weaver.testing.gevent_patch")
        del sys.modules["weaver.testing.gevent_patch"]  # pytest wants to import its plugins itself
    woven_core = [importlib.import_module(f"weaver.{name}") for name in ("registry", "hook", "event", "context")]
    assert all(Path(str(module.__file__)).is_relative_to(ROOT) for module in woven_core)
    sys.path.remove(str(ROOT))
    sys.path[:0] = options.path or [str(Path.cwd())]
    import_all(options.prefix)
    woven = None if options.state == "plain" else Woven(options.prefix)
    if woven is not None:
        woven.bring_to(options.state)
    run = run_pytest if options.runner == "pytest" else run_unittest
    outcomes, text = run(options.arguments)
    proof = {} if woven is None else woven.proof(options.prefix)
    options.out.write_text(json.dumps({"outcomes": outcomes, "proof": proof, "text": text[-20_000:]}))


if __name__ == "__main__":
    main()
