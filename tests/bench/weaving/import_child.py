"""One import of a whole package in a process of its own: MODE PACKAGE FOLDER; prints a line of JSON.

What the package needs of others is imported before. Modes: ``names`` (what that is), ``plain``, ``hooked`` (a match-all
monitor, off), ``woven`` (the same, on), ``built`` (on, woven code from the build in FOLDER), ``build`` (makes that).
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.weaving.subjects import GeneralNoAction
from weaver import hook
from weaver.build import ServerMonitor, build, import_package
from weaver.event import EventBuffer
from weaver.monitor import MonitorDefinition
from weaver.pointcut.parser import parse_pointcut
from weaver.registry import Registry
from weaver.scan import scan_module
from weaver.swap import is_woven
from weaver.woven_cache import WovenCache
from weaver.woven_file import Selection

EXPRESSION = "execution(* {}..*(..))"


def main(mode: str, package: str, folder: Path) -> dict[str, object]:
    pointcut = parse_pointcut(EXPRESSION.format(package))
    if mode == "names":
        before = set(sys.modules)
        import_package(package, ())
        return {"names": sorted(name for name in set(sys.modules) - before if name.partition(".")[0] != package)}
    if mode == "build":
        modules, _ = import_package(package, ())
        report = build([ServerMonitor("M", pointcut, Selection(str(pointcut), "around"))], modules, folder)
        return {"functions": report.functions, "faults": report.faults}
    for name in json.loads((folder / "names.json").read_text())["names"]:
        importlib.import_module(name)
    cache = WovenCache(folder) if mode == "built" else None
    registry = Registry(EventBuffer(1), cache)
    registry.add_action(GeneralNoAction())
    registry.add(MonitorDefinition("M", "server", "custom", "around", pointcut, actions=("GeneralNoAction",)))
    if mode != "plain":
        registry.set("M", enabled=mode != "hooked", dye_mask=["DYE_0"])
        hook.install(registry.on_module, [package], registry.on_code)
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        del sys.modules[name]
    began = process_time()
    modules, _ = import_package(package, ())
    taken = process_time() - began
    woven = [shadow for module in modules for shadow in scan_module(module) if is_woven(shadow.function)]
    status = registry.get("M")
    assert cache is None or list(cache.reasons) == ["loaded"], cache.reasons
    return {"seconds": taken, "functions": len(woven), "failures": status["failures"]}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
