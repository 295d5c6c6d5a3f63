"""The weaver beside others: forks, gevent's patches, tools that wrap and swap."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wrapt

from tests.weaver.targets import Recording, make_module, make_registry, monitor

ROOT = Path(__file__).parents[2]
CORE = [
    *("dye", "context", "shadow", "scan", "sites", "decorators", "holders", "swap", "hook", "monitor", "joinpoint"),
    *("weaving.guard", "weaving.rewrite", "weaving.proxy", "pointcut.match", "pointcut.parser", "pointcut.residue"),
    *("event", "facts", "fallback", "catalog", "errors", "redaction", "runtime", "advice", "joinpoints", "registry"),
]


def run(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_core_imports_nothing_that_gevent_patches() -> None:
    patched = [
        "gevent",
        "threading",
        "socket",
        "ssl",
        "select",
        "selectors",
        "subprocess",
        "queue",
        "signal",
        "logging",
    ]
    imports = "\n".join(f"import weaver.{name}" for name in CORE)

    found = run(f"{imports}\nprint(sorted(set({patched!r}) & set(sys.modules)))")

    assert found == "[]\n"


@pytest.mark.slow
def test_whole_weaver_can_be_imported_before_gevent_patches() -> None:
    program = """
import _thread, json, pkgutil, importlib
started, real = [], _thread.start_new_thread
_thread.start_new_thread = lambda *a, **k: (started.append(a), real(*a, **k))[1]
import weaver
lock = type(_thread.allocate_lock())
held = []
for one in pkgutil.walk_packages(weaver.__path__, "weaver."):
    last = one.name.rpartition(".")[2]
    if last in {"run", "gevent_support", "gevent_patch", "build_hook", "__main__"} or "opcodes_" in one.name:
        continue
    module = importlib.import_module(one.name)
    held += [f"{one.name}.{name}" for name, value in vars(module).items() if isinstance(value, lock)]
early = {"ssl", "gevent", "asyncio", "queue"} & set(sys.modules)
from gevent import monkey
monkey.patch_all()
import threading, logging
print(json.dumps([len(started), held, sorted(early), type(threading.Lock()).__module__]))
"""
    started, held, early, lock = json.loads(run(program))

    assert (started, held, early) == (0, [], [])
    assert lock.startswith("gevent")


@pytest.mark.slow
def test_forked_child_keeps_working_and_writes_nothing_twice(tmp_path: Path) -> None:
    program = """
import os
from gevent import monkey, spawn_later
monkey.patch_all()
from pathlib import Path
from tests.weaver.targets import Recording, make_module, make_registry, monitor
from weaver.gevent_support import GeventRuntime
from weaver.sinks.json_lines import JsonLinesWriter
from weaver.sinks.queued import QueuedSink
target = make_module("def f(x): return x + 1\\n", "forked_target")
registry = make_registry(Recording())
sink = QueuedSink("json-lines", JsonLinesWriter(Path(sys.argv[1]), 1_000_000), GeventRuntime())
registry.buffer.subscribe(sink)
sink.start()
registry.add(monitor("M", "forked_target.f"))
registry.on_module(target)
original = target.f.__code__
registry.set("M", enabled=True, actions=["Recording"])
target.f(1)
waits, goes_on = os.pipe()
child = os.fork()
assert target.f(2) == 3
if not child:
    registry.set("M", enabled=False)
    assert target.f.__code__ is original
    registry.set("M", enabled=True)
    target.f(3)
    sink.stop()
    os.read(waits, 1)
    os._exit(0)
spawn_later(0.05, os.write, goes_on, b".")  # gevent's waitpid never hears of a child that ends before it waits
assert os.waitpid(child, 0)[1] == 0
assert target.f.__code__ is not original
sink.stop()
"""
    file = tmp_path / "events.jsonl"

    run(program, str(file))

    assert len(file.read_text().splitlines()) == 4


def test_function_behind_a_wrapt_decorator_is_woven_and_the_decorator_stays() -> None:
    @wrapt.decorator
    def shout(wrapped: Any, instance: Any, arguments: Any, keywords: Any) -> Any:
        return wrapped(*arguments, **keywords) + "!"

    target: Any = make_module("def f(x): return x\nclass C:\n    def m(self, x): return x\n", "wrapt_target")
    target.f, target.C.m = shout(target.f), shout(vars(target.C)["m"])
    recording = Recording()
    registry = make_registry(recording)
    registry.add(monitor("M", "execution(* wrapt_target..*(..))"))
    registry.on_module(target)

    registry.set("M", enabled=True, actions=["Recording"])
    results = target.f("a"), target.C().m("b")
    registry.set("M", enabled=False)
    sys.modules.pop("wrapt_target")

    assert results == ("a!", "b!")
    assert len(recording.seen) == 2


def test_wrapper_that_comes_while_it_is_woven_and_stays_when_it_is_not() -> None:
    target: Any = make_module("def f(x): return x\n", "wrapt_later")
    recording = Recording()
    registry = make_registry(recording)
    registry.add(monitor("M", "wrapt_later.f"))
    registry.on_module(target)
    registry.set("M", enabled=True, actions=["Recording"])

    target.f = wrapt.FunctionWrapper(target.f, lambda wrapped, instance, arguments, keywords: wrapped(*arguments) * 2)
    on = target.f(1)
    registry.set("M", enabled=False)
    sys.modules.pop("wrapt_later")

    assert (on, target.f(2)) == (2, 4)
    assert len(recording.seen) == 1
