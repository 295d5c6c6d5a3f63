"""``python -m weaver.build [PACKAGE ...]``: weaves at build time what the server-scope monitors name.

The packages are imported, not run. For every function that a server-scope monitor selects, its woven code is kept in
``build/woven/<cache tag>/``, where ``weaver.woven_cache`` finds it; what no monitor selects any more is removed. The
wheel's build hook puts it into the package itself.

Errors: exit code 2 with every fault of ``instrumentation.toml``; 1 when a function cannot be woven or a module not be
imported. A monitor that selects nothing is a warning.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from weaver.config import InstrumentationConfig, load_instrumentation
from weaver.early_code import rows_of
from weaver.errors import InstrumentationConfigError, WeaverError
from weaver.event import EventBuffer
from weaver.plugins import Plugins
from weaver.pointcut.match import match
from weaver.pointcut.nodes import Pointcut
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.scan import scan_module
from weaver.swap import code_at
from weaver.woven_cache import Kept, store_module
from weaver.woven_file import BUILT, EarlyCode, Selection, cache_tag, path_in

FILE = "instrumentation.toml"


@dataclass(frozen=True, slots=True)
class ServerMonitor:
    """What is read of a server-scope monitor."""

    name: str
    pointcut: Pointcut
    selection: Selection


@dataclass(slots=True)
class Report:
    """What a build did.

    Shape: ``kept`` counts the functions that each monitor selects, ``functions`` those whose woven code was kept,
    ``removed`` the modules whose woven code no monitor needs any more.
    """

    kept: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    functions: int = 0
    removed: int = 0


def build(monitors: Iterable[ServerMonitor], modules: Iterable[ModuleType], directory: Path) -> Report:
    """Weave and keep what the monitors select in the modules, and remove what else is kept for these modules."""
    report = Report()
    wanted = tuple(monitors)
    report.kept = {monitor.name: 0 for monitor in wanted}
    for module in modules:
        kept = list(_kept(module, wanted, report))
        path = path_in(directory, module.__name__)
        try:
            if kept:
                _store(directory, module.__name__, kept, wanted)
            elif path.exists():
                path.unlink()
                report.removed += 1
        except (ValueError, OSError) as error:
            report.faults.append(f"{module.__name__}: {error}")
        else:
            report.functions += len(kept)
    return report


def _store(directory: Path, module: str, kept: Sequence[Kept], monitors: Sequence[ServerMonitor]) -> None:
    """Keep the functions of a module, and what of them can be woven before its body runs.

    Errors: ValueError, OSError.
    """
    filename = kept[0].shadow.filename
    rows = rows_of(module, filename, [monitor.pointcut for monitor in monitors])
    others = any(one.shadow.filename != filename for one in kept)
    store_module(
        directory, module, filename, kept, EarlyCode([monitor.selection for monitor in monitors], rows, others)
    )


def _kept(module: ModuleType, monitors: Iterable[ServerMonitor], report: Report) -> Iterator[Kept]:
    """Yield the functions of a module that any monitor selects."""
    for shadow in scan_module(module):
        selected = [monitor for monitor in monitors if match(monitor.pointcut, shadow).matched]
        for monitor in selected:
            report.kept[monitor.name] += 1
        if selected:
            selections = tuple(dict.fromkeys(monitor.selection for monitor in selected))
            yield Kept(shadow, code_at(shadow), selections)


def server_monitors(config: InstrumentationConfig) -> list[ServerMonitor]:
    """Return the server-scope monitors of the plugins and of the configuration.

    Errors: PluginError, PointcutSyntaxError.
    """
    registry = Registry(EventBuffer(1))
    Plugins(registry).load(config.weaver.plugins)
    library = [one for one in registry.list() if one["scope"] == "server"]
    found = [(one["name"], parse_pointcut(one["pointcut"]), one["location"]) for one in library]
    found += [
        (name, config.pointcut_of(monitor), monitor.location)
        for name, monitor in config.monitors.items()
        if monitor.kind == "custom" and monitor.scope == "server"
    ]
    return [ServerMonitor(name, pointcut, Selection(str(pointcut), location)) for name, pointcut, location in found]


def import_package(name: str, exclude: Sequence[str]) -> tuple[list[ModuleType], list[str]]:
    """Import a package and all below it but what is excluded and ``__main__``; return the modules and what failed."""
    modules: list[ModuleType] = []
    faults: list[str] = []
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        if any(current == out or current.startswith(f"{out}.") for out in exclude):
            continue
        try:
            module = importlib.import_module(current)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a module that cannot be imported here is reported, the others are woven
            faults.append(f"{current}: cannot be imported: {error!r}")
            continue
        modules.append(module)
        below = pkgutil.iter_modules(getattr(module, "__path__", None) or [], f"{current}.")
        waiting += [one.name for one in below if not one.name.endswith(".__main__")]
    return modules, faults


def main(arguments: Sequence[str] | None = None) -> int:
    """Build; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        config = load_instrumentation(options.instrumentation)
        monitors = server_monitors(config)
    except InstrumentationConfigError as error:
        print("\n".join(error.faults), file=sys.stderr)
        return 2
    except WeaverError as error:
        print(f"{options.instrumentation}: {error}", file=sys.stderr)
        return 2
    modules: list[ModuleType] = []
    faults: list[str] = []
    for package in options.packages or [config.target.module]:
        found, failed = import_package(package, config.weaving.exclude)
        modules += found
        faults += failed
    report = build(monitors, dict.fromkeys(modules), options.output)
    for name, count in report.kept.items():
        if count == 0:
            print(f"warning: {name} selects nothing in these packages", file=sys.stderr)
    for fault in (*faults, *report.faults):
        print(f"error: {fault}", file=sys.stderr)
    place = options.output / cache_tag()
    print(
        f"{report.functions} functions woven for {len(monitors)} monitors in {place}, {report.removed} modules removed"
    )
    return 1 if faults or report.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m weaver.build",
        allow_abbrev=False,
        description="Weaves the server-scope monitors' functions at build time.",
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="default: the target of the instrumentation")
    parser.add_argument("--output", type=Path, default=BUILT, metavar="DIR", help=f"default: {BUILT}")
    parser.add_argument("--instrumentation", type=Path, default=Path(FILE), metavar="FILE", help=f"default: {FILE}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
